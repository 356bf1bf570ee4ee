"""Nova's addresses. A final slash is optional everywhere, and nothing is ever redirected."""

from django.urls import URLPattern, re_path

from hven.dialects.nova import files, views

_JOB = r"(?P<number>[0-9-]+)"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/login/?$", views.login),
    re_path(r"^api/upload/?$", views.upload),
    re_path(r"^api/url_upload/?$", views.url_upload),
    re_path(rf"^api/submissions/{_JOB}/?$", views.submission_status),
    re_path(rf"^api/jobs/{_JOB}/?$", views.job_status),
    re_path(rf"^api/jobs/{_JOB}/calibration/?$", views.calibration),
    re_path(rf"^api/jobs/{_JOB}/info/?$", views.info),
    re_path(rf"^api/jobs/{_JOB}/tags/?$", views.tags),
    re_path(rf"^api/jobs/{_JOB}/machine_tags/?$", views.machine_tags),
    re_path(rf"^api/jobs/{_JOB}/objects_in_field/?$", views.objects_in_field),
    re_path(rf"^api/jobs/{_JOB}/annotations/?$", views.annotated_objects),
    re_path(rf"^wcs_file/{_JOB}/?$", files.wcs_file),
    re_path(rf"^new_fits_file/{_JOB}/?$", files.new_fits_file),
    re_path(rf"^rdls_file/{_JOB}/?$", files.rdls_file),
    re_path(rf"^axy_file/{_JOB}/?$", files.axy_file),
    re_path(rf"^corr_file/{_JOB}/?$", files.corr_file),
    re_path(rf"^annotated_display/{_JOB}/?$", files.annotated_display),
    re_path(rf"^joblog2?/{_JOB}/?$", files.job_log),
    re_path(r"^.*$", views.nothing_here),
]
