"""Wait until a compute host is up and has an inventory in placement; make flavors (and a volume type)."""
import calendar, subprocess, sys, time
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

FLAVORS = [('1', 'm1.tiny', 1, 256, 1), ('2', 'm1.small', 1, 512, 2), ('3', 'm1.medium', 2, 1024, 10), ('4', 'm1.large', 2, 2048, 20)]


def main():
    url, pw, cinder, fresh, disc = sys.argv[1], sys.argv[2], sys.argv[3] == '1', int(sys.argv[4]), sys.argv[5:]
    s = Session(auth=v3.Password(auth_url=url, username='admin', password=pw, project_name='admin',
                                 user_domain_name='Default', project_domain_name='Default'))
    get = lambda t, p, **kw: s.get(p, endpoint_filter={'service_type': t, 'interface': 'public'}, raise_exc=False, **kw)

    def wait(what, f, secs=120):
        end = time.time() + secs
        while True:
            try:
                if f():
                    return
            except Exception as e:
                if time.time() > end:
                    print(e, file=sys.stderr)
            if time.time() > end:
                sys.exit('not ready: ' + what)
            time.sleep(0.5)
    # heartbeats from before this start do not count
    new = lambda x: calendar.timegm(time.strptime((x['updated_at'] or '1970-01-01T00:00:00')[:19], '%Y-%m-%dT%H:%M:%S')) >= fresh
    up = lambda t, p, b: any(x['binary'] == b and x['state'] == 'up' and x['status'] == 'enabled' and new(x)
                             for x in get(t, p).json()['services'])
    wait('nova-conductor', lambda: up('compute', '/os-services', 'nova-conductor'))
    wait('nova-scheduler', lambda: up('compute', '/os-services', 'nova-scheduler'))
    wait('nova-compute', lambda: up('compute', '/os-services', 'nova-compute'))
    wait('placement inventory', lambda: get('placement', '/resource_providers').json()['resource_providers'])
    if not get('compute', '/os-hypervisors').json()['hypervisors']:
        subprocess.run(disc, check=True)          # nova-manage cell_v2 discover_hosts
    have = {f['id'] for f in get('compute', '/flavors').json()['flavors']}
    for i, n, c, r, d in FLAVORS:
        if i not in have:
            s.post('/flavors', endpoint_filter={'service_type': 'compute'},
                   json={'flavor': {'id': i, 'name': n, 'vcpus': c, 'ram': r, 'disk': d}})
    wait('neutron', lambda: get('network', '/v2.0/networks').status_code == 200)
    wait('glance', lambda: get('image', '/v2/images').status_code == 200)
    if cinder:
        wait('cinder-volume', lambda: up('volumev3', '/os-services', 'cinder-volume'))
        wait('cinder-scheduler', lambda: up('volumev3', '/os-services', 'cinder-scheduler'))
        # What cinder-volume says of its backend is a broadcast: one sent before the scheduler listened is lost, and until the
        # next one every new volume fails for want of a backend.
        wait('the backend known to cinder-scheduler', lambda: any(
            pool['name'].endswith('#labloop') for pool in get('volumev3', '/scheduler-stats/get_pools').json()['pools']))
        have = {t['name'] for t in get('volumev3', '/types').json()['volume_types']}
        for name in ('labloop', 'bulk'):          # the first is the default
            if name not in have:
                s.post('/types', endpoint_filter={'service_type': 'volumev3'}, json={'volume_type': {
                    'name': name, 'extra_specs': {'volume_backend_name': 'labloop'}}})
