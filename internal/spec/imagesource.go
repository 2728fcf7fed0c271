package spec

import "strings"

// ModeStrict allows a registry's mirrors only; any other mode tries the registry itself last.
const ModeStrict = "strict"

// hub is the registry of references that name none.
const hub = "docker.io"

// ImageSource is one place to get an image from.
type ImageSource struct {
	// Repository is host/path without tag and digest.
	Repository string
	// Credentials is the name of the secret for Repository's host; empty is anonymous.
	Credentials string
	// CA is the authority of Repository's host; see Registry.CA.
	CA string
	// Mirror says that it stands in for the image's own registry.
	Mirror bool
}

// ImageSources lists where an image reference may be got from, in order: the mirrors of its registry, then,
// unless the registry is strict, the registry itself. A mirror stands in for the registry's host:
// host/path:tag is looked for at mirror/path. A host's credentials go to that host alone.
func ImageSources(ref string, registries []Registry) []ImageSource {
	host, path := SplitImage(ref)
	var sources []ImageSource
	mode := ""
	for _, registry := range registries {
		if registryHost(registry.Host) != host {
			continue
		}
		mode = registry.Mode
		for _, mirror := range registry.Mirrors {
			repository := bare(mirror) + "/" + path
			mirrorHost, _ := SplitImage(repository)
			sources = append(sources, sourceAt(mirrorHost, repository, true, registries))
		}
	}
	if mode != ModeStrict || len(sources) == 0 {
		sources = append(sources, sourceAt(host, host+"/"+path, false, registries))
	}
	return sources
}

// SplitImage splits a reference as Docker reads it into the registry's host and the path there, without tag
// and digest: "kafka:4" is docker.io and library/kafka.
func SplitImage(ref string) (host, path string) {
	ref, _, _ = strings.Cut(ref, "@")
	host, path, found := strings.Cut(ref, "/")
	if !found || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, path = hub, ref
	}
	if colon := strings.LastIndex(path, ":"); colon > strings.LastIndex(path, "/") {
		path = path[:colon]
	}
	host = registryHost(host)
	if host == hub && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	return host, path
}

// sourceAt is a repository with what the specification says of its own host, be that a mirror's.
func sourceAt(host, repository string, mirror bool, registries []Registry) ImageSource {
	source := ImageSource{Repository: repository, Mirror: mirror}
	for _, registry := range registries {
		if registryHost(registry.Host) == host {
			source.Credentials, source.CA = registry.Credentials, registry.CA
			break
		}
	}
	return source
}

// registryHost gives Docker Hub its one name.
func registryHost(host string) string {
	host = bare(host)
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		return hub
	}
	return host
}

// bare takes scheme and closing slash off.
func bare(address string) string {
	if _, rest, found := strings.Cut(address, "://"); found {
		address = rest
	}
	return strings.TrimRight(address, "/")
}
