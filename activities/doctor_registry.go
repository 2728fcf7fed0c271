package activities

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/overcloud/overcloud/internal/spec"
)

// noImage is asked for at a registry that no image of the service names: its "not found" proves the way.
const noImage = "overcloud/check"

// question is one registry to reach.
type question struct {
	host, ref string
	real      bool             // the reference is one of the service's
	place     spec.ImageSource // with the name of its credentials
}

// registries lets the engine itself reach every registry and mirror, all at the same time.
func (e *examination) registries(ctx context.Context) {
	asked := questions(e.in.Registries, e.in.Images)
	checks := make([]Check, len(asked))
	var running sync.WaitGroup
	for i, q := range asked {
		if reason := e.noEngine(); reason != "" {
			checks[i] = Check{Name: CheckRegistry + " " + q.host, State: CheckSkip, Seen: reason}
			continue
		}
		running.Go(func() { checks[i] = e.reach(ctx, q) })
	}
	running.Wait()
	e.checks = append(e.checks, checks...)
}

func (e *examination) reach(ctx context.Context, q question) Check {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	from, err := sourceAt(ctx, e.doctor.Secrets, q.place, e.in.Secrets)
	if err == nil {
		err = e.doctor.Engines.Reach(ctx, e.in.Box, q.ref, from)
	}
	words := ""
	if err != nil {
		words = told(ctx, err)
	}
	return judgeRegistry(q.host, q.ref, q.real, e.answer, err, words)
}

// questions are where the images come from, in their order, then the registries that are only declared; every host
// once. The registry itself is asked for an image of the service; a mirror may not have it yet.
func questions(registries []spec.Registry, images []string) []question {
	var all []question
	add := func(source spec.ImageSource, suffix string, real bool) {
		host, _ := spec.SplitImage(source.Repository)
		if !slices.ContainsFunc(all, func(other question) bool { return other.host == host }) {
			all = append(all, question{host: host, ref: source.Repository + suffix, real: real, place: source})
		}
	}
	for _, ref := range images {
		host, _ := spec.SplitImage(ref)
		for _, source := range spec.ImageSources(ref, registries) {
			from, _ := spec.SplitImage(source.Repository)
			add(source, suffixOf(ref), from == host)
		}
	}
	for _, registry := range registries {
		for _, source := range spec.ImageSources(registry.Host+"/"+noImage, registries) {
			add(source, ":none", false)
		}
	}
	return all
}

// suffixOf is the tag or digest of a reference, with its sign; ":latest" when it has none.
func suffixOf(ref string) string {
	if at := strings.Index(ref, "@"); at >= 0 {
		return ref[at:]
	}
	if colon := strings.LastIndex(ref, ":"); colon > strings.LastIndex(ref, "/") {
		return ref[colon:]
	}
	return ":latest"
}
