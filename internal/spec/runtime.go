package spec

// Runtime is how the processes of a function run, spelled as in Compose. Nothing of it matters for matching.
type Runtime struct {
	User       string   `json:"user,omitempty"` // name or number, perhaps with :group; empty is the image's
	Groups     []string `json:"groups,omitempty"`
	WorkingDir string   `json:"working_dir,omitempty"`
	Hostname   string   `json:"hostname,omitempty"`
	Init       bool     `json:"init,omitempty"`      // a small init that reaps children
	ReadOnly   bool     `json:"read_only,omitempty"` // the root file system
	CapAdd     []string `json:"cap_add,omitempty"`
	CapDrop    []string `json:"cap_drop,omitempty"`
	Security   []string `json:"security,omitempty"` // security_opt
	Tmpfs      []string `json:"tmpfs,omitempty"`    // PATH[:options]
	ShmBytes   int64    `json:"shm_bytes,omitempty"`
	Ulimits    []Ulimit `json:"ulimits,omitempty"`
	// Sysctls are of the container's own namespaces.
	Sysctls []Variable `json:"sysctls,omitempty"`
}

// Ulimit bounds one resource of each process.
type Ulimit struct {
	Name string `json:"name"` // nofile, nproc, …
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// normalise sorts what has no order.
func (r Runtime) normalise() Runtime {
	r.Groups, r.CapAdd, r.CapDrop = unique(r.Groups), unique(r.CapAdd), unique(r.CapDrop)
	r.Security, r.Tmpfs = unique(r.Security), unique(r.Tmpfs)
	r.Ulimits = sorted(r.Ulimits, func(u Ulimit) string { return u.Name })
	r.Sysctls = sorted(r.Sysctls, byName)
	return r
}
