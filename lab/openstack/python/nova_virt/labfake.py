"""nova's own FakeDriver, but createImage yields a real, downloadable glance image:
the bytes of the image that the server was booted from (FakeDriver itself uploads nothing,
its snapshots stay 'queued' for ever), and the console says what a guest of lab/guest would."""
import os

from nova.compute import task_states
import nova.conf
from nova.image import glance
from nova.virt import fake

CONF = nova.conf.CONF


class LabFakeDriver(fake.FakeDriver):
    def snapshot(self, context, instance, image_id, update_task_state):
        super().snapshot(context, instance, image_id, update_task_state)
        api = glance.API()
        meta = api.get(context, image_id)
        base = instance.image_ref
        fmt, path = 'raw', os.path.join(CONF.instances_path, 'snap-' + image_id)
        if base:
            fmt = api.get(context, base).get('disk_format') or fmt
            api.download(context, base, dest_path=path)
        else:
            with open(path, 'wb') as f:
                f.truncate(1 << 20)
        update_task_state(task_state=task_states.IMAGE_UPLOADING,
                          expected_state=task_states.IMAGE_UPLOADING)
        try:
            with open(path, 'rb') as f:
                api.update(context, image_id, {'name': meta['name'], 'disk_format': fmt,
                           'container_format': 'bare', 'status': 'active',
                           'properties': {'image_location': 'snapshot', 'image_state': 'available',
                                          'owner_id': instance.project_id}}, f)
        finally:
            os.unlink(path)

    def get_console_output(self, context, instance):
        return b'CROSSDOCK-GUEST fake counter=1 boot=1\n'
