"""STDWeb's addresses. A final slash is optional after what is no file, and nothing is ever redirected."""

from django.urls import URLPattern, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from hven.dialects.stdweb import files, queue, reference, tasks
from hven.dialects.stdweb.base import StdwebView

_TASK = r"^api/tasks/(?P<number>\d{1,18})"


class Schema(SpectacularAPIView):
    """The dialect's own description as OpenAPI."""

    urlconf = "hven.dialects.stdweb.urls"
    schema = None
    authentication_classes = ()
    permission_classes = ()
    get_exception_handler = StdwebView.get_exception_handler
    custom_settings = {
        "TITLE": "hven: the STDWeb API",
        "VERSION": "1",
        "SCHEMA_PATH_PREFIX": "/api/",
        "SERVERS": [{"url": "/stdweb"}],
    }


class Explorer(SpectacularSwaggerSplitView):
    """A page on which the API can be tried."""

    authentication_classes = ()
    permission_classes = ()
    schema = None
    url_name = "stdweb-schema"


urlpatterns: list[URLPattern] = [
    path("api/schema/", Schema.as_view(), name="stdweb-schema"),
    path("api/docs/", Explorer.as_view(), name="stdweb-docs"),
    re_path(r"^api/auth/token/?$", tasks.Token.as_view(), name="stdweb-token"),
    re_path(r"^api/tasks/?$", tasks.Tasks.as_view(), name="stdweb-tasks"),
    re_path(rf"{_TASK}/?$", tasks.Task.as_view(), name="stdweb-task"),
    re_path(rf"{_TASK}/state/?$", tasks.State.as_view()),
    re_path(rf"{_TASK}/duplicate/?$", tasks.Duplicate.as_view()),
    re_path(rf"{_TASK}/process/?$", tasks.Process.as_view()),
    re_path(rf"{_TASK}/cancel/?$", tasks.Cancel.as_view()),
    re_path(rf"{_TASK}/fix/?$", tasks.Fix.as_view()),
    re_path(rf"{_TASK}/crop/?$", tasks.Crop.as_view()),
    re_path(rf"{_TASK}/destripe/?$", tasks.Destripe.as_view()),
    re_path(rf"{_TASK}/files/?$", files.TaskFiles.as_view()),
    re_path(rf"{_TASK}/files/(?P<path>.+)$", files.TaskFile.as_view()),
    re_path(rf"{_TASK}/preview/(?P<path>.+)$", files.Preview.as_view()),
    re_path(rf"{_TASK}/cutout/(?P<path>.+)$", files.Cutout.as_view()),
    re_path(r"^api/files/?$", files.LocalFiles.as_view()),
    re_path(r"^api/files/(?P<path>.+)/preview/?$", files.LocalPreview.as_view()),
    re_path(r"^api/files/(?P<path>.+)$", files.LocalFiles.as_view()),
    re_path(r"^api/presets/?$", reference.Presets.as_view()),
    re_path(r"^api/presets/(?P<number>\d{1,18})/?$", reference.OnePreset.as_view()),
    re_path(r"^api/queue/?$", queue.Queue.as_view()),
    re_path(r"^api/queue/(?P<celery_id>[^/]{1,100})/?$", queue.QueueItem.as_view()),
    re_path(r"^api/queue/(?P<celery_id>[^/]{1,100})/terminate/?$", queue.Terminate.as_view()),
    re_path(r"^api/reference/?$", reference.Reference.as_view()),
    re_path(r"^api/reference/(?P<kind>[^/]+)/?$", reference.Reference.as_view()),
]
