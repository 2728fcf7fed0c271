package plan

import (
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// References are those of the declared secrets that the placement uses.
func (p Placement) References(declared []spec.Secret) []spec.Secret {
	var used []spec.Secret
	for _, secret := range declared {
		if slices.ContainsFunc(p.Secrets, func(use spec.SecretUse) bool { return use.Name == secret.Name }) {
			used = append(used, secret)
		}
	}
	return used
}
