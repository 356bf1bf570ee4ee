"""Nova's addresses. A final slash is optional everywhere, and nothing is ever redirected but to a page."""

from django.urls import URLPattern, re_path

from hven.dialects.nova import files, lists, pictures, uploads, views

_ID = r"(?P<number>[0-9-]+)"
_SIZE = r"(?P<size>display|full)"

urlpatterns: list[URLPattern] = [
    re_path(r"^api/login/?$", views.login),
    re_path(r"^api/upload/?$", uploads.upload),
    re_path(r"^api/url_upload/?$", uploads.url_upload),
    re_path(rf"^api/submissions/{_ID}/?$", views.submission_status),
    re_path(rf"^api/submissions/{_ID}/delete/?$", views.delete_submission),
    re_path(r"^api/submission_images/?$", lists.submission_images),
    re_path(r"^api/myjobs", lists.my_jobs),  # not anchored, as in the original
    re_path(r"^api/jobs_by_tag/?$", lists.jobs_by_tag),
    re_path(r"^api/(?:sdss|galex)_image_for_wcs/?$", lists.other_surveys),
    re_path(rf"^api/jobs/{_ID}/?$", views.job_status),
    re_path(rf"^api/jobs/{_ID}/calibration/?$", views.calibration),
    re_path(rf"^api/jobs/{_ID}/info/?$", views.info),
    re_path(rf"^api/jobs/{_ID}/tags/?$", views.tags),
    re_path(rf"^api/jobs/{_ID}/machine_tags/?$", views.machine_tags),
    re_path(rf"^api/jobs/{_ID}/objects_in_field/?$", views.objects_in_field),
    re_path(rf"^api/jobs/{_ID}/annotations/?$", views.annotated_objects),
    re_path(rf"^wcs_file/{_ID}/?$", files.wcs_file),
    re_path(rf"^new_fits_file/{_ID}/?$", files.new_fits_file),
    re_path(rf"^new_header_file/{_ID}/?$", files.new_header_file),
    re_path(rf"^rdls_file/{_ID}/?$", files.rdls_file),
    re_path(rf"^axy_file/{_ID}/?$", files.axy_file),
    re_path(rf"^corr_file/{_ID}/?$", files.corr_file),
    re_path(rf"^image_rd_file/{_ID}/?$", files.image_rd_file),
    re_path(rf"^kml_file/{_ID}/?$", files.kml_file),
    re_path(rf"^joblog/{_ID}/?$", files.job_log),
    re_path(rf"^joblog2/{_ID}/?$", files.worker_log),
    re_path(rf"^status/{_ID}/?$", files.submission_page),
    re_path(rf"^user_images/{_ID}/?$", files.image_page),
    # Anything may follow the addresses of pictures, as in the original.
    re_path(rf"^annotated_{_SIZE}/{_ID}", pictures.annotated),
    re_path(rf"^grid_{_SIZE}/{_ID}", pictures.grid),
    re_path(rf"^red_green_image_{_SIZE}/{_ID}", pictures.red_green),
    re_path(rf"^extraction_image_{_SIZE}/{_ID}", pictures.extraction),
    re_path(rf"^(?:sdss|galex|unwise|legacysurvey)_image_(?:display|full)/{_ID}", pictures.other_survey),
    re_path(rf"^sky_plot/zoom(?P<zoom>[0-3])/{_ID}", pictures.sky_plot),
    re_path(rf"^(?:wwt_)?image/{_ID}", pictures.image),
    re_path(rf"^thumbnail_of_image/{_ID}", pictures.thumbnail),
    re_path(r"^.*$", views.nothing_here),
]
