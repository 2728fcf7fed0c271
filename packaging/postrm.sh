#!/bin/sh
# After the files are gone. A purge takes the queues and what the air conditioners were told with it; the user stays, as
# Debian advises, so that nobody gets its number.
set -e

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ -x /usr/bin/deb-systemd-helper ]; then
	case "$1" in
	remove) deb-systemd-helper mask overcloud-edge.service >/dev/null || true ;;
	purge)
		deb-systemd-helper purge overcloud-edge.service >/dev/null || true
		deb-systemd-helper unmask overcloud-edge.service >/dev/null || true
		;;
	esac
fi
if [ "$1" = purge ]; then
	rm -rf /var/lib/overcloud-edge
	rmdir --ignore-fail-on-non-empty /etc/overcloud 2>/dev/null || true
fi
