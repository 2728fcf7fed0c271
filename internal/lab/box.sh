# The first process of a box: makes the namespaces its own, then runs dockerd and reaps orphans.
# Usage: sh box.sh BOX_FOLDER HOST_NAME dockerd ARGUMENTS...
set -e
folder=$1 name=$2
shift 2
mount --make-rprivate /
mount -t proc proc /proc
resolv=$(readlink -f /etc/resolv.conf)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
mount --bind "$folder/etc" /etc/docker
mount --bind "$folder/hosts" /etc/hosts
# Where resolv.conf is a link into /run, its target went with /run.
case $resolv in /run/*) mkdir -p "$(dirname "$resolv")" && : >"$resolv" ;; esac
if [ -e "$resolv" ]; then mount --bind "$folder/resolv.conf" "$resolv"; fi
hostname "$name"
trap 'kill -TERM "$engine"' TERM
"$@" &
engine=$!
code=0
while kill -0 "$engine" 2>/dev/null; do
	code=0
	wait "$engine" || code=$?
done
exit "$code"
