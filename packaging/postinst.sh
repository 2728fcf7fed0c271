#!/bin/sh
# Configures the package: user, groups, unit. The daemon is enabled and not started: it does not know its box yet.
set -e

[ "$1" = configure ] || exit 0

user=overcloud-edge
if ! getent passwd "$user" >/dev/null; then
	adduser --system --group --no-create-home --home /var/lib/overcloud-edge --gecos "OverCloud edge" "$user" >/dev/null
fi
# Which groups guard the devices differs: Debian has video for infrared, Raspberry Pi OS gpio and i2c besides.
for group in video gpio i2c; do
	if getent group "$group" >/dev/null; then
		adduser --quiet "$user" "$group"
	fi
done
# Before the first start too: edge check writes there, as that user.
install -d -m 0700 -o "$user" -g "$user" /var/lib/overcloud-edge
chown root:"$user" /etc/overcloud/edge.yaml
chmod 0640 /etc/overcloud/edge.yaml

if [ -x /usr/bin/deb-systemd-helper ]; then
	deb-systemd-helper unmask overcloud-edge.service >/dev/null || true
	if deb-systemd-helper --quiet was-enabled overcloud-edge.service; then
		deb-systemd-helper enable overcloud-edge.service >/dev/null || true
	else
		deb-systemd-helper update-state overcloud-edge.service >/dev/null || true
	fi
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	if [ -n "$2" ]; then # an upgrade
		systemctl try-restart overcloud-edge.service || true
	fi
	if command -v udevadm >/dev/null; then
		udevadm control --reload || true
		udevadm trigger --subsystem-match=lirc --subsystem-match=w1 || true
	fi
fi
if [ -z "$2" ]; then
	echo "overcloud-edge: write box, kafka.brokers and rooms into /etc/overcloud/edge.yaml, then"
	echo "  sudo -u $user edge check             # tries everything"
	echo "  sudo systemctl start $user"
fi
