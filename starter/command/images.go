package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/embedded/images"
)

func newImages(g *globals) *cobra.Command {
	var registry, tag, bin, cache string
	cmd := &cobra.Command{
		Use:     "images",
		Short:   "Assemble OverCloud's own images from built binaries and push them to a registry",
		Example: "  starter images --registry registry.example:5000 --tag 1.0",
		Args:    words(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return images.Publish(cmd.Context(), registry, tag, bin, cache, func(image string) {
				fmt.Fprintf(g.system.Out, "pushed %s\n", image)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&registry, "registry", "127.0.0.1:5000", "host:port of the registry")
	flags.StringVar(&tag, "tag", "dev", "tag of the images")
	flags.StringVar(&bin, "bin-dir", ".overcloud/bin", "folder of the built binaries")
	flags.StringVar(&cache, "cache-dir", ".overcloud/images", "folder of assembled layers")
	return cmd
}
