package spec

import "testing"

func TestABoxIsReachedOverSSHAsItSays(t *testing.T) {
	for _, c := range []struct{ engine, ssh, commands, engineSSH, socket string }{
		{engine: "unix:///run/docker.sock", socket: "/run/docker.sock"},
		{engine: "tcp://rack-1:2376", ssh: "root@rack-1", commands: "root@rack-1", socket: "/var/run/docker.sock"},
		{engine: "tcp://rack-1:2376", ssh: "root@10.0.0.7:2222", commands: "root@10.0.0.7:2222", socket: "/var/run/docker.sock"},
		{engine: "ssh://pi@pi-1", commands: "pi@pi-1", engineSSH: "pi@pi-1", socket: "/var/run/docker.sock"},
		{engine: "ssh://pi@pi-1:2222/run/d.sock", commands: "pi@pi-1:2222", engineSSH: "pi@pi-1:2222", socket: "/run/d.sock"},
		{engine: "ssh://pi@pi-1", ssh: "root@pi-1", commands: "root@pi-1", engineSSH: "pi@pi-1", socket: "/var/run/docker.sock"},
		{engine: "ssh://pi@[fd00::7]:2222/", commands: "pi@[fd00::7]:2222", engineSSH: "pi@[fd00::7]:2222", socket: "/var/run/docker.sock"},
		{engine: "ssh://pi-1", socket: "/var/run/docker.sock"},
		{engine: "ssh://pi@pi-1:70000", socket: "/var/run/docker.sock"},
	} {
		box := Box{Engine: c.engine, SSH: c.ssh}
		commands, engine := "", ""
		if access, ok := box.SSHAccess(); ok {
			commands = access.String()
		}
		if access, ok := box.EngineSSH(); ok {
			engine = access.String()
		}
		if commands != c.commands || engine != c.engineSSH || box.EngineSocket() != c.socket {
			t.Errorf("%+v: commands as %q, engine as %q, socket %q", c, commands, engine, box.EngineSocket())
		}
	}
}

func TestAnSSHEngineNeedsUserAndHostAndNoPassword(t *testing.T) {
	for engine, want := range map[string]string{
		"ssh://pi@pi-1":              "",
		"ssh://pi@pi-1/run/d.sock":   "",
		"ssh://pi-1":                 `engine "ssh://pi-1" of box "pi-1" needs user and host: ssh://user@host, ssh://user@host:port or ssh://user@host/run/docker.sock`,
		"ssh://":                     `engine "ssh://" of box "pi-1" needs user and host: ssh://user@host, ssh://user@host:port or ssh://user@host/run/docker.sock`,
		"ssh://pi:raspberry@pi-1":    `engine of box "pi-1" holds a password: write ssh://user@host, and let the worker log in with a key`,
		"ssh://pi@pi-1:70000/a.sock": `engine "ssh://pi@pi-1:70000/a.sock" of box "pi-1" needs user and host: ssh://user@host, ssh://user@host:port or ssh://user@host/run/docker.sock`,
	} {
		c := &check{}
		c.engine("x", Box{Name: "pi-1", Engine: engine})
		got := ""
		for _, problem := range c.problems {
			got += problem.Message
		}
		if got != want {
			t.Errorf("%s: %s", engine, got)
		}
	}
}
