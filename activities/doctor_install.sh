# Makes a box ready for functions: an engine from the distribution's own packages, started, and usable by the SSH
# user. Runs as root, detached from SSH, with everything that it says in a log. Every part looks first and does
# nothing twice, so that it may be run again after it was killed anywhere.
# From the environment: OC_WHO (asked for it), OC_USER (joins the group docker; empty or root: nobody), OC_SOCKET.
set -u
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a LC_ALL=C
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
umask 022

say() { echo "overcloud: $*"; }

apt_install() {
  say "finishing what an earlier installation may have left half done"
  tries=0
  until dpkg --configure -a; do # fails while another installation holds the lock
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { say "dpkg stays locked or broken"; return 1; }
    sleep 5
  done
  say "renewing the package lists"
  apt-get -q -o DPkg::Lock::Timeout=300 update || say "the package lists could not be renewed; going on with those that are here"
  more=""
  # Newer Debians keep the command apart; an engine under AppArmor cannot start containers without its parser.
  if apt-cache show docker-cli >/dev/null 2>&1; then more="$more docker-cli"; fi
  if grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then more="$more apparmor"; fi
  say "installing docker.io"
  # shellcheck disable=SC2086 # words on purpose
  apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install docker.io ca-certificates $more
}

install_engine() {
  if command -v dockerd >/dev/null; then
    say "dockerd is here already"
    return 0
  fi
  if command -v apt-get >/dev/null; then apt_install
  elif command -v apk >/dev/null; then say "installing docker"; apk add --no-progress docker
  elif command -v dnf >/dev/null; then say "installing moby-engine"; dnf -y -q install moby-engine
  else say "there is no apt-get, apk or dnf"; return 1
  fi
}

running() {
  [ -S "$OC_SOCKET" ] && [ -f /var/run/docker.pid ] && [ -d "/proc/$(cat /var/run/docker.pid)" ]
}

start_engine() {
  if running; then
    say "the engine is running already"
    return 0
  fi
  if [ -d /run/systemd/system ]; then
    say "starting the engine by systemd, now and at every boot"
    systemctl enable --now docker
  elif command -v rc-service >/dev/null && [ -d /run/openrc ]; then
    say "starting the engine by OpenRC, now and at every boot"
    rc-update add docker default && rc-service docker start
  else
    say "starting the engine by itself: there is no systemd or OpenRC, so it will not come back after a boot"
    rm -f /var/run/docker.pid
    setsid nohup dockerd </dev/null >>/var/log/dockerd.log 2>&1 &
  fi || return 1
  tries=0
  until running; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      say "the engine did not open $OC_SOCKET within 60 s"
      tail -n 5 /var/log/dockerd.log 2>/dev/null
      return 1
    fi
    sleep 1
  done
  say "the engine is running"
}

allow_user() {
  case "$OC_USER" in '' | root) return 0 ;; esac
  if id -Gn "$OC_USER" | tr ' ' '\n' | grep -qx docker; then return 0; fi
  say "adding $OC_USER to the group docker"
  if command -v usermod >/dev/null; then usermod -aG docker "$OC_USER"; else addgroup "$OC_USER" docker; fi
}

say "$(date -u +%Y-%m-%dT%H:%M:%SZ) asked by $OC_WHO"
install_engine && start_engine && allow_user
