#!/usr/bin/python3
# oslab_run.py module:function [args]  - what the packages' console scripts do
import importlib, sys
mod, func = sys.argv[1].split(':')
sys.argv = [mod.split('.')[0] + '-' + mod.split('.')[-1]] + sys.argv[2:]
sys.path[:] = [p for p in sys.path if p]
if mod.startswith('nova.cmd'):           # nova loads virt drivers from nova.virt.* only
    import os
    import nova.cmd                      # monkey-patches eventlet: must come first
    import nova.virt
    nova.virt.__path__.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'nova_virt'))
sys.exit(getattr(importlib.import_module(mod), func)())
