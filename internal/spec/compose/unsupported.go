package compose

import (
	"strconv"
	"strings"
)

// support says what OverCloud does with the keys of one mapping of a Compose file. A key of Compose that is
// in neither list would silently have no effect, so it is a mistake.
type support struct {
	used   string            // have their effect
	harmed map[string]string // have none, and the file works without it: a warning with the reason
	refuse map[string]string // have none, and what to do instead
}

// supported is the table of all mappings that are looked into; * stands for any key or index.
func supported() map[string]support {
	return map[string]support{
		"": {
			used: "name services networks volumes secrets include",
			refuse: map[string]string{
				"configs": "put the file into the image, or use a secret",
				"jobs":    "start it as a function with restart: \"no\"",
				"models":  "run the model as a function",
			},
		},
		"services.*":                               serviceSupport(),
		"services.*.deploy":                        {used: "replicas resources placement restart_policy mode update_config", refuse: map[string]string{"rollback_config": "use starter rollback", "labels": "write labels on the function", "endpoint_mode": "consumers get the provider's address"}},
		"services.*.deploy.resources":              {used: "limits reservations"},
		"services.*.deploy.resources.limits":       {used: "cpus memory"},
		"services.*.deploy.resources.reservations": {used: "cpus memory", refuse: map[string]string{"devices": "label the boxes that have the device and add a placement constraint"}},
		"services.*.deploy.placement":              {used: "constraints max_replicas_per_node preferences"},
		"services.*.deploy.update_config":          {used: "parallelism delay failure_action monitor max_failure_ratio order"},
		"services.*.deploy.restart_policy":         {used: "condition"},
		"services.*.healthcheck":                   {used: "test interval timeout start_period start_interval retries disable"},
		"services.*.ports.*":                       {used: "target published host_ip protocol mode", harmed: map[string]string{"name": "only a comment", "app_protocol": "only a comment"}},
		"services.*.volumes.*":                     {used: "type source target read_only", harmed: map[string]string{"consistency": "only for macOS", "bind": "the path must exist on the box", "volume": "only a hint"}},
		"services.*.secrets.*":                     {used: "source target", harmed: map[string]string{"mode": "a secret is readable for the function's user only", "uid": "a secret belongs to the function's user", "gid": "a secret belongs to the function's user"}},
		"services.*.depends_on.*":                  {used: "condition required", refuse: map[string]string{"restart": "a restarted provider is probed again by itself"}},
		"services.*.networks.*":                    {harmed: map[string]string{"priority": "all networks are joined"}, refuse: map[string]string{"aliases": "functions reach each other by function name"}},
		"networks.*":                               {used: "name external driver", harmed: map[string]string{"labels": "only a comment", "attachable": "only for swarms"}},
		"volumes.*":                                {used: "name external", harmed: map[string]string{"labels": "only a comment"}, refuse: map[string]string{"driver": "volumes are local to the box"}},
		"secrets.*":                                {used: "file environment name", refuse: map[string]string{"external": "write file: PATH or environment: NAME"}},
	}
}

func serviceSupport() support {
	return support{
		used: "image command entrypoint environment env_file labels label_file deploy scale cpus mem_limit mem_reservation " +
			"depends_on expose ports volumes networks secrets healthcheck restart stop_grace_period privileged devices " +
			"profiles extends platform user group_add working_dir hostname init read_only cap_add cap_drop security_opt tmpfs " +
			"shm_size ulimits sysctls",
		harmed: map[string]string{
			"attach": "logs are read with starter", "container_name": "containers are named SERVICE-FUNCTION-REPLICA",
			"develop": "only for docker compose watch",
			"logging": "the engine's own logging is used", "pull_policy": "images are pulled by digest when they are not there",
			"stdin_open": "nobody is at the keyboard", "tty": "nobody is at the keyboard", "annotations": "only a comment",
		},
		refuse: map[string]string{
			"build":          "images are built beforehand: build and push it, then name it under image",
			"network_mode":   "every function has its own network address; publish the port under ports",
			"links":          "functions reach each other by name: write depends_on and x-overcloud.consumes",
			"external_links": "declare it as a function with x-overcloud.external",
			"extra_hosts":    "declare the host as a function with x-overcloud.external",
			"volumes_from":   "mount the same named volume",
			"configs":        "put the file into the image, or use a secret",
			"provider":       "declare it as a function with x-overcloud.external",
			"pid":            "every function has its own processes",
			"ipc":            "every function has its own memory",
			"gpus":           "label the boxes that have one and add a placement constraint",
		},
	}
}

// unsupported tells every key that Compose knows and OverCloud does not.
func (l *loader) unsupported() {
	l.screen(l.model, nil, supported())
}

func (l *loader) screen(value any, at []string, table map[string]support) {
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			l.screen(item, append(at[:len(at):len(at)], strconv.Itoa(i)), table)
		}
	case map[string]any:
		entry, listed := row(table, at)
		for _, key := range sortedKeys(v) {
			if strings.HasPrefix(key, "x-") {
				continue
			}
			below := append(at[:len(at):len(at)], key)
			if listed {
				l.judge(entry, below, key)
			}
			if len(at) == 0 || isSection(at) || listed {
				l.screen(v[key], below, table)
			}
		}
	}
}

// isSection says whether the keys at a path are names that the user gave.
func isSection(at []string) bool {
	return len(at) == 1 || (len(at) == 3 && (at[2] == "depends_on" || at[2] == "networks"))
}

func row(table map[string]support, at []string) (support, bool) {
	for pattern, entry := range table {
		parts := strings.Split(pattern, ".")
		if pattern == "" {
			parts = nil
		}
		if len(parts) == len(at) && matches(parts, at) {
			return entry, true
		}
	}
	return support{}, false
}

func (l *loader) judge(entry support, at []string, key string) {
	path := dotted(l.model, at)
	for _, used := range strings.Fields(entry.used) {
		if used == key {
			return
		}
	}
	if reason, ok := entry.harmed[key]; ok {
		l.warnAt(path, "%s has no effect: %s", key, reason)
		return
	}
	instead, ok := entry.refuse[key]
	if !ok {
		instead = "it would have no effect, so remove it"
	}
	l.add(path, "%s is not supported: %s", key, instead)
	if at[0] == "secrets" {
		l.excused["secrets."+at[1]] = true // it says nothing else of its value
	}
	if key == "build" {
		l.excused[strings.TrimSuffix(path, "build")+"image"] = true
	}
}
