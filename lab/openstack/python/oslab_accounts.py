"""Service users, catalogue, a demo project: one process instead of forty `openstack` calls. Idempotent."""
import sys
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3 import client

NAMES = {'image': 'glance', 'placement': 'placement', 'compute': 'nova', 'network': 'neutron', 'volumev3': 'cinderv3'}


def main():
    url, pw, eps = sys.argv[1], sys.argv[2], [a.split('=', 1) for a in sys.argv[3:]]
    ks = client.Client(session=Session(auth=v3.Password(
        auth_url=url, username='admin', password=pw, project_name='admin',
        user_domain_name='Default', project_domain_name='Default')), endpoint_override=url)

    def get(mgr, name, **kw):
        for x in mgr.list():
            if x.name == name:
                return x
        return mgr.create(name=name, **kw)
    role = {n: get(ks.roles, n) for n in ('admin', 'member', 'reader', 'service')}
    service, demo = (get(ks.projects, n, domain='default') for n in ('service', 'demo'))
    for n in ('glance', 'placement', 'nova', 'neutron', 'cinder'):
        u = get(ks.users, n, domain='default', password=pw, default_project=service)
        ks.roles.grant(role['admin'], user=u, project=service)
        ks.roles.grant(role['service'], user=u, project=service)
    for n in ('demo', 'crossdock'):
        u = get(ks.users, n, domain='default', password=pw, default_project=demo)
        ks.roles.grant(role['member'], user=u, project=demo)
    admin = [x for x in ks.users.list() if x.name == 'admin'][0]
    ks.roles.grant(role['admin'], user=admin, project=demo)
    have = {(e.service_id, e.interface) for e in ks.endpoints.list()}
    for typ, u in eps:
        s = get(ks.services, NAMES[typ], type=typ)
        for i in ('public', 'internal', 'admin'):
            if (s.id, i) not in have:
                ks.endpoints.create(s, url=u, interface=i, region='RegionOne')
