package docker

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"github.com/overcloud/overcloud/activities"
)

const (
	// LabelSecret is the name in the specification of a secret of the swarm.
	LabelSecret = "overcloud.secret"
	// LabelFingerprint tells whether a secret has a value, to whoever knows that value: salt and derived key, in
	// hexadecimal. The swarm never gives a value back, and whoever can read this label could mount the secret.
	LabelFingerprint = "overcloud.fingerprint"
)

// The numbers of fingerprints. Each has its own random salt, and 100,000 rounds take some 25 ms, which makes trying
// out passwords slow and a deploy not noticeably slower.
const (
	fingerprintRounds = 100_000
	fingerprintBytes  = 16
	secretNameMost    = 64 // characters, the swarm's own bound
)

// secretsFor are the references to a function's secrets, each in the swarm with the value that is wanted now: the
// one that is in use when it has that value, else a new one, since the swarm cannot change one.
func (n *Node) secretsFor(ctx context.Context, want activities.SwarmService, now *swarm.ContainerSpec) ([]*swarm.SecretReference, error) {
	if len(want.Secrets) == 0 {
		return nil, nil
	}
	there, err := n.secretsOf(ctx, want.Service, want.Function)
	if err != nil {
		return nil, err
	}
	var references []*swarm.SecretReference
	for _, secret := range want.Secrets {
		at := slices.IndexFunc(there, func(one swarm.Secret) bool {
			return one.Spec.Labels[LabelSecret] == secret.Name && inUse(now, one.ID) &&
				(want.KeepSecrets || matches(one.Spec.Labels[LabelFingerprint], secret.Value))
		})
		reference := &swarm.SecretReference{File: &swarm.SecretReferenceFileTarget{Name: secret.Target, UID: "0", GID: "0", Mode: 0o444}}
		if at >= 0 {
			reference.SecretID, reference.SecretName = there[at].ID, there[at].Spec.Name
		} else if reference.SecretID, reference.SecretName, err = n.makeSecret(ctx, want, secret); err != nil {
			return nil, fmt.Errorf("give the swarm the secret %s: %w", secret.Name, err)
		}
		references = append(references, reference)
	}
	return references, nil
}

func inUse(now *swarm.ContainerSpec, id string) bool {
	return now != nil && slices.ContainsFunc(now.Secrets, func(one *swarm.SecretReference) bool { return one.SecretID == id })
}

func (n *Node) makeSecret(ctx context.Context, want activities.SwarmService, secret activities.SwarmSecret) (id, name string, err error) {
	var salt [fingerprintBytes]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return "", "", err
	}
	end := "_" + hex.EncodeToString(salt[:5])
	name = want.Service + "_" + secret.Name
	name = name[:min(len(name), secretNameMost-len(end))] + end
	print, err := fingerprint(salt[:], secret.Value)
	if err != nil {
		return "", "", err
	}
	made, err := n.api.SecretCreate(ctx, swarm.SecretSpec{
		Annotations: swarm.Annotations{Name: name, Labels: map[string]string{
			LabelService: want.Service, LabelFunction: want.Function, LabelSecret: secret.Name, LabelFingerprint: print,
		}},
		Data: secret.Value,
	})
	return made.ID, name, classifySwarm(ctx, err)
}

func fingerprint(salt, value []byte) (string, error) {
	key, err := pbkdf2.Key(sha256.New, string(value), salt, fingerprintRounds, fingerprintBytes)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(salt) + ":" + hex.EncodeToString(key), nil
}

// matches says whether a fingerprint is of a value.
func matches(print string, value []byte) bool {
	head, _, _ := strings.Cut(print, ":")
	salt, err := hex.DecodeString(head)
	if err != nil || len(salt) != fingerprintBytes {
		return false
	}
	again, err := fingerprint(salt, value)
	return err == nil && hmac.Equal([]byte(again), []byte(print))
}

func (n *Node) secretsOf(ctx context.Context, service, function string) ([]swarm.Secret, error) {
	match := filters.NewArgs(filters.Arg("label", LabelService+"="+service))
	if function != "" {
		match.Add("label", LabelFunction+"="+function)
	}
	all, err := n.api.SecretList(ctx, swarm.SecretListOptions{Filters: match})
	return all, classifySwarm(ctx, err)
}

// dropSecrets removes the secrets that a function no longer uses. What cannot go now goes the next time.
func (n *Node) dropSecrets(ctx context.Context, now swarm.Service, want activities.SwarmService) error {
	all, err := n.secretsOf(ctx, want.Service, want.Function)
	if err != nil {
		return err
	}
	for _, one := range all {
		before := now.PreviousSpec != nil && inUse(now.PreviousSpec.TaskTemplate.ContainerSpec, one.ID)
		if before || inUse(now.Spec.TaskTemplate.ContainerSpec, one.ID) {
			continue
		}
		if err := n.api.SecretRemove(ctx, one.ID); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
