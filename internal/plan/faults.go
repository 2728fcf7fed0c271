package plan

import "errors"

// ErrNoBox says that at least one function fits no box; the error's text lists every reason for every box.
var ErrNoBox = errors.New("no box fits")

// ErrSpecification says that the specification and the world contradict each other in another way (an
// image that has no manifest, a placeholder that names nothing).
var ErrSpecification = errors.New("specification cannot be planned")
