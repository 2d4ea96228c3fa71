"""cinder backend without device mapper, iSCSI or NFS (this kernel has none of them): a volume is a sparse
raw file, offered to nova and to cinder itself as a loop device through a stable symlink."""
import os
import shutil

from oslo_concurrency import processutils
from oslo_config import cfg

from cinder.image import image_utils
from cinder.volume import driver
from cinder.volume import volume_utils

GB = 1 << 30


class LabLoopDriver(driver.VolumeDriver):
    VERSION = '1.0'
    CI_WIKI_NAME = 'none'

    def __init__(self, *a, **kw):
        super().__init__(*a, **kw)
        self.base = os.path.join(cfg.CONF.state_path, 'loops')
        self.dev = os.path.join(cfg.CONF.state_path, 'dev')
        self.protocol = 'file'

    def do_setup(self, context):
        for d in (self.base, self.dev):
            os.makedirs(d, exist_ok=True)

    def check_for_setup_error(self):
        pass

    def local_path(self, volume):
        return os.path.join(self.base, volume['name'])

    def _snap(self, snapshot):
        return os.path.join(self.base, snapshot['name'])

    def _copy(self, src, dst, size=None):
        processutils.execute('cp', '--sparse=always', '--reflink=auto', src, dst)
        if size:
            os.truncate(dst, size * GB)

    def _loops(self, volume):
        out, _ = processutils.execute('losetup', '-n', '-O', 'NAME', '-j', self.local_path(volume))
        return out.split()

    def _attach(self, volume):
        loops = self._loops(volume)
        if not loops:
            out, _ = processutils.execute('losetup', '-f', '--show', self.local_path(volume))
            loops = out.split()
        link = os.path.join(self.dev, volume['name'])
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(loops[0], link)
        return link

    def _detach(self, volume):
        for loop in self._loops(volume):
            processutils.execute('losetup', '-d', loop)
        link = os.path.join(self.dev, volume['name'])
        if os.path.lexists(link):
            os.unlink(link)

    def create_volume(self, volume):
        with open(self.local_path(volume), 'wb') as f:
            f.truncate(volume['size'] * GB)

    def delete_volume(self, volume):
        if os.path.exists(self.local_path(volume)):
            self._detach(volume)
            os.unlink(self.local_path(volume))

    def create_snapshot(self, snapshot):
        processutils.execute('sync', '-f', self.local_path(snapshot['volume']))
        self._copy(self.local_path(snapshot['volume']), self._snap(snapshot))

    def delete_snapshot(self, snapshot):
        if os.path.exists(self._snap(snapshot)):
            os.unlink(self._snap(snapshot))

    def create_volume_from_snapshot(self, volume, snapshot):
        self._copy(self._snap(snapshot), self.local_path(volume), volume['size'])

    def create_cloned_volume(self, volume, src_vref):
        self._copy(self.local_path(src_vref), self.local_path(volume), volume['size'])

    def revert_to_snapshot(self, context, volume, snapshot):
        shutil.copyfile(self._snap(snapshot), self.local_path(volume))

    def extend_volume(self, volume, new_size):
        os.truncate(self.local_path(volume), new_size * GB)
        for loop in self._loops(volume):
            processutils.execute('losetup', '-c', loop)

    def copy_image_to_volume(self, context, volume, image_service, image_id, **kw):
        image_utils.fetch_to_raw(context, image_service, image_id, self.local_path(volume),
                                 self.configuration.volume_dd_blocksize, size=volume['size'])
        if os.path.getsize(self.local_path(volume)) < volume['size'] * GB:
            os.truncate(self.local_path(volume), volume['size'] * GB)

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        volume_utils.upload_volume(context, image_service, image_meta, self.local_path(volume), volume)

    def ensure_export(self, context, volume):
        if volume['attach_status'] == 'attached' or volume['status'] == 'in-use':
            self._attach(volume)      # after a restart: the loop device again, under the same link

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        return {'driver_volume_type': 'local', 'data': {'device_path': self._attach(volume)}}

    def terminate_connection(self, volume, connector, **kwargs):
        self._detach(volume)

    def _update_volume_stats(self):
        st = os.statvfs(self.base)
        self._stats = {'volume_backend_name': self.configuration.safe_get('volume_backend_name') or 'labloop',
                       'vendor_name': 'lab', 'driver_version': self.VERSION, 'storage_protocol': 'file',
                       'pools': [{'pool_name': 'labloop', 'total_capacity_gb': round(st.f_blocks * st.f_frsize / GB, 1),
                                  'free_capacity_gb': round(st.f_bavail * st.f_frsize / GB, 1),
                                  'reserved_percentage': 0, 'QoS_support': False, 'multiattach': False,
                                  'thin_provisioning_support': True, 'max_over_subscription_ratio': 20.0,
                                  'provisioned_capacity_gb': 0}]}
