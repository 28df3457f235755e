"""May the machine be kept busy for a while?"""

import psutil

BATTERY_PERCENT = 80  # per cent of a battery that may be used without a plug


def saving() -> bool:
    """Tell whether a laptop runs on a battery that is not nearly full."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is not None and not battery.power_plugged and battery.percent < BATTERY_PERCENT
