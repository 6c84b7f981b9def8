"""Makes `pytest --profile smoke` work in a checkout, also where plugin autoload is off."""

pytest_plugins = ("redis_runbook.plugin",)
