// Package people knows who uses the Control Room: local users, people of an OpenID provider and API tokens, their roles,
// their sessions, and what each of them has done. It serves nothing; package server asks it.
package people

// Role is what a person may do; each one may do what those before it may.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees everything but people
	Operator Role = "operator" // also overrides, answers alerts, approves, applies, scales
	Admin    Role = "admin"    // also manages people, tokens and the plan picture, and takes a service down
)

// Roles are all of them, the weakest first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// Covers says whether this role may do what needs another one. A role that nobody knows covers nothing.
func (r Role) Covers(need Role) bool {
	mine, needed := r.rank(), need.rank()
	return mine > 0 && needed > 0 && mine >= needed
}

func (r Role) rank() int {
	for i, role := range Roles() {
		if r == role {
			return i + 1
		}
	}
	return 0
}

// How a person came in.
const (
	ByOpenDoor = "open"    // nobody is configured and the page is on loopback: everyone may do everything
	BySession  = "session" // signed in with a password
	ByOpenID   = "openid"
	ByToken    = "token"
)

// Person is who asks.
type Person struct {
	Name string `json:"name"` // empty behind an open door: the page asks for a name where one is needed
	Role Role   `json:"role"`
	By   string `json:"by"`
}
