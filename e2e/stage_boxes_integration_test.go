//go:build integration

package e2e

import (
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/docker"
)

// listed are the containers of a service: name and state.
func (s *stage) listed(api *client.Client, service string) map[string]string {
	s.t.Helper()
	all, err := api.ContainerList(s.t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", docker.LabelService+"="+service)),
	})
	require.NoError(s.t, err)
	found := map[string]string{}
	for _, one := range all {
		found[strings.TrimPrefix(one.Names[0], "/")] = one.State
	}
	return found
}
