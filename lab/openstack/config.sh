# The services' configuration; sourced by up.
# ---------------------------------------------------------------- configuration
authtoken() { cat <<X
[keystone_authtoken]
service_type = $2
www_authenticate_uri = http://$IP:$P_KEYSTONE
$(svcauth "$1")
interface = internal
service_token_roles_required = true
X
}
svcauth() { cat <<X
auth_url = http://$IP:$P_KEYSTONE
auth_type = password
username = $1
password = $PW
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = RegionOne
X
}
db() { printf 'connection = %s/%s?charset=utf8\nmax_pool_size = 5\n' "$DBURL" "$1"; }
common() { cat <<X
[DEFAULT]
transport_url = $MQURL
debug = false
X
}
tail_conf() { cat <<X
[oslo_concurrency]
lock_path = $S/lock
[oslo_messaging_rabbit]
heartbeat_in_pthread = false
[oslo_messaging_notifications]
driver = noop
[oslo_middleware]
enable_proxy_headers_parsing = true
X
}
cat > "$E/keystone/keystone.conf" <<X
[DEFAULT]
log_file = $L/keystone.log
[database]
$(db keystone)
[token]
provider = fernet
expiration = 14400
[fernet_tokens]
key_repository = $S/fernet
[credential]
key_repository = $S/credential
[cache]
enabled = true
backend = oslo_cache.dict
# what a project is tagged with counts at once; the list of a user's projects is cached as roles are
[role]
caching = false
[identity]
password_hash_rounds = 4
[oslo_messaging_notifications]
driver = noop
X
cat > "$E/placement/placement.conf" <<X
[DEFAULT]
log_file = $L/placement.log
[api]
auth_strategy = keystone
[placement_database]
$(db placement)
$(authtoken placement placement)
X
cat > "$E/glance/glance-api.conf" <<X
$(common)
log_file = $L/glance.log
bind_host = $IP
bind_port = $P_GLANCE
workers = 0
enabled_backends = file:file
enabled_import_methods = [glance-direct,web-download,copy-image]
public_endpoint = http://$IP:$P_GLANCE
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = $S/images/
[os_glance_staging_store]
filesystem_store_datadir = $S/staging/
[os_glance_tasks_store]
filesystem_store_datadir = $S/tasks/
[task]
work_dir = $S/tasks
[import_filtering_opts]
# an image may come from a server of this machine, which Glance refuses otherwise
allowed_hosts = [127.0.0.1,localhost]
allowed_ports = []
disallowed_ports = []
[image_format]
disk_formats = ami,ari,aki,vhd,vhdx,vmdk,raw,qcow2,vdi,iso,ploop
vmdk_allowed_types = streamOptimized,monolithicSparse
[paste_deploy]
flavor = keystone
config_file = $S/x/usr/share/glance-common/glance-api-paste.ini
[database]
$(db glance)
$(authtoken glance image)
$(tail_conf)
X
if [ "$VIRT" = libvirt ]; then DRV=libvirt.LibvirtDriver; else DRV=labfake.LabFakeDriver; fi
cat > "$E/nova/nova.conf" <<X
$(common)
my_ip = $IP
host = oslab
state_path = $S/nova
instances_path = $S/instances
enabled_apis = osapi_compute
osapi_compute_listen = $IP
osapi_compute_listen_port = $P_NOVA
osapi_compute_workers = 1
compute_driver = $DRV
compute_monitors =
# labbridge ports come up bound and ACTIVE, nothing to wait for
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
force_config_drive = false
shutdown_timeout = 15
default_ephemeral_format = ext4
instance_usage_audit = false
resume_guests_state_on_host_boot = false
# cheap housekeeping
sync_power_state_interval = 30
heal_instance_info_cache_interval = 300
update_resources_interval = 60
report_interval = 10
service_down_time = 90
# file-backed lab: let the scheduler over-commit freely
reserved_host_memory_mb = 0
reserved_host_disk_mb = 0
initial_cpu_allocation_ratio = 16.0
initial_ram_allocation_ratio = 4.0
[api]
auth_strategy = keystone
[wsgi]
api_paste_config = $S/x/usr/share/nova-common/api-paste.ini
[api_database]
$(db nova_api)
[database]
$(db nova)
[conductor]
workers = 1
[scheduler]
workers = 1
[filter_scheduler]
track_instance_changes = false
[glance]
$(svcauth nova)
api_servers = http://$IP:$P_GLANCE
valid_interfaces = internal
[neutron]
$(svcauth nova)
valid_interfaces = internal
service_metadata_proxy = false
[placement]
$(svcauth nova)
valid_interfaces = internal
[cinder]
$(svcauth nova)
catalog_info = volumev3::internalURL
os_region_name = RegionOne
[service_user]
send_service_user_token = true
$(svcauth nova)
[vnc]
enabled = false
[spice]
enabled = false
[serial_console]
enabled = false
[key_manager]
backend = nova.keymgr.conf_key_mgr.ConfKeyManager
[libvirt]
virt_type = qemu
connection_uri = qemu:///system?socket=$R/libvirt/libvirt-sock
cpu_mode = custom
cpu_models = qemu64
hw_machine_type = x86_64=q35
inject_partition = -2
images_type = qcow2
use_virtio_for_bridges = true
num_pcie_ports = 8
live_migration_uri = qemu+unix:///system
[nova_sys_admin]
# we are root already; the default helper goes through sudo + rootwrap with /etc/nova
helper_command = /usr/bin/privsep-helper --config-file $E/nova/nova.conf
[vif_plug_linux_bridge_privileged]
helper_command = /usr/bin/privsep-helper --config-file $E/nova/nova.conf
[privsep_osbrick]
helper_command = /usr/bin/privsep-helper --config-file $E/nova/nova.conf
[workarounds]
skip_cpu_compare_on_dest = true
$(authtoken nova compute)
$(tail_conf)
X
cat > "$E/neutron/neutron.conf" <<X
$(common)
log_file = $L/neutron.log
core_plugin = ml2
bind_host = $IP
bind_port = $P_NEUTRON
api_workers = 0
rpc_workers = 1
rpc_state_report_workers = 0
service_plugins = router
api_paste_config = $S/x/usr/share/neutron-common/api-paste.ini
state_path = $S/neutron
dhcp_agent_notification = false
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
router_auto_schedule = false
network_auto_schedule = false
allow_overlapping_ips = true
[ml2]
type_drivers = flat,vlan,vxlan,local
tenant_network_types = vxlan
mechanism_drivers = labbridge
extension_drivers = port_security
[ml2_type_flat]
flat_networks = *
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:199
[ml2_type_vxlan]
vni_ranges = 1000:1999
[securitygroup]
enable_security_group = true
firewall_driver = noop
[nova]
$(svcauth nova)
[placement]
$(svcauth neutron)
[database]
$(db neutron)
$(authtoken neutron network)
$(tail_conf)
X
if [ "$WITH_CINDER" = 1 ]; then cat > "$E/cinder/cinder.conf" <<X
$(common)
my_ip = $IP
host = oslab
state_path = $S/cinder
volumes_dir = $S/cinder/volumes
image_conversion_dir = $S/cinder/conversion
osapi_volume_listen = $IP
osapi_volume_listen_port = $P_CINDER
osapi_volume_workers = 1
api_paste_config = $S/x/usr/share/cinder-common/api-paste.ini
rootwrap_config = $S/x/etc/cinder/rootwrap.conf
enabled_backends = labloop
backend_stats_polling_interval = 10
default_volume_type = labloop
glance_api_servers = http://$IP:$P_GLANCE
auth_strategy = keystone
allowed_direct_url_schemes =
[cinder_sys_admin]
helper_command = /usr/bin/privsep-helper --config-file $E/cinder/cinder.conf
[privsep_osbrick]
helper_command = /usr/bin/privsep-helper --config-file $E/cinder/cinder.conf
[labloop]
volume_driver = oslab_cinder.LabLoopDriver
volume_backend_name = labloop
[nova]
$(svcauth nova)
[service_user]
send_service_user_token = true
$(svcauth cinder)
[database]
$(db cinder)
$(authtoken cinder block-storage)
$(tail_conf)
X
fi
