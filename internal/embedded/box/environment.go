package box

import (
	"path/filepath"
	"strings"
)

// What a process finds in its environment beside the container's own; see package fn.
const (
	envRoot       = "OVERCLOUD_ROOT"
	envListenHost = "OVERCLOUD_LISTEN_HOST"
)

// defaultPath is the PATH of a container that sets none; dockerd's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func pathOf(env []string) string {
	return lookup(env, "PATH", defaultPath)
}

func lookup(env []string, name, absent string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return absent
}

// environment is all that a process of the container gets: the image's and the container's variables, and
// where it is. HOME, PATH and TMPDIR point into the root, so that nothing of the machine is found by chance.
func (c *container) environment(listen string, more []string) []string {
	record := c.copy()
	root := c.root()
	var env []string
	at := map[string]int{}
	put := func(name, value string) {
		if i, ok := at[name]; ok {
			env[i] = name + "=" + value
			return
		}
		at[name] = len(env)
		env = append(env, name+"="+value)
	}
	put("HOSTNAME", record.Config.Hostname)
	put("TMPDIR", "/tmp")
	put("HOME", "/")
	for _, variable := range append(append([]string{}, record.Config.Env...), more...) {
		if name, value, ok := strings.Cut(variable, "="); ok && name != "" {
			put(name, value)
		}
	}
	for _, name := range []string{"HOME", "TMPDIR"} {
		put(name, filepath.Join(root, lookup(env, name, "/")))
	}
	var path []string
	for _, folder := range strings.Split(pathOf(env), ":") {
		path = append(path, filepath.Join(root, folder))
	}
	put("PATH", strings.Join(path, ":"))
	put(envRoot, root)
	put(envListenHost, listen)
	return env
}
