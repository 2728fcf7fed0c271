// Package overcloud holds only the tests of the whole: who may import what.
package overcloud

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/overcloud/overcloud/"

// The client libraries, each with the one folder that may import it (beside mains that wire and tests).
var owners = map[string][]string{
	"github.com/docker/docker":                 {"internal/docker", "internal/embedded/box", "bench"},
	"github.com/twmb/franz-go":                 {"internal/kafka", "functions/kafka", "bench"},
	"github.com/influxdata/influxdb-client-go": {"internal/influx"},
	"github.com/labstack/echo":                 {"ui"},
	"github.com/google/go-containerregistry":   {"internal/registry", "internal/embedded", "internal/lab"},
	"github.com/compose-spec/compose-go":       {"internal/spec/compose"},
	"github.com/gosnmp/gosnmp":                 {"internal/snmp"},
	"golang.org/x/crypto/ssh":                  {"internal/ssh"},
	"github.com/coreos/go-systemd":             {"edge/command"},
	"github.com/coreos/go-oidc":                {"ui/people"}, // who signs in is the Control Room's own affair
	"golang.org/x/oauth2":                      {"ui/people"},
	"golang.org/x/crypto/argon2":               {"ui/people"},
	"github.com/plgd-dev/go-coap":              {"edge/coap"},
	"github.com/wneessen/go-mail":              {"internal/mail"},
	"github.com/chromedp":                      {"ui/browser"},
	"github.com/parquet-go/parquet-go":         {"internal/history/file"},
}

// The pure packages: nouns and decisions. They import nothing but each other.
var pure = []string{
	"internal/spec", "internal/wire", "internal/plan", "internal/control", "internal/room",
	"internal/shed", "internal/optimise", "internal/anomaly",
	"internal/fault", "internal/infrared", "internal/resource", "internal/scale", "internal/anomaly",
	"internal/history", "internal/line",
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestEachClientLibraryHasOneOwner(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for library, allowed := range owners {
				if strings.HasPrefix(imported, library) && !within(folder, allowed) {
					t.Errorf("%s imports %s; only %v may", folder, imported, allowed)
				}
			}
		}
	}
}

func TestPurePackagesImportOnlyEachOther(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		if !isPure(folder) {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) && !isPure(strings.TrimPrefix(imported, module)) {
				t.Errorf("%s is pure and imports %s", folder, imported)
			}
			if strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, module) {
				t.Errorf("%s is pure and imports the library %s", folder, imported)
			}
		}
	}
}

func TestTheEdgeNeverReachesTemporalDockerOrInflux(t *testing.T) {
	for _, p := range packages(t) {
		if !within(strings.TrimPrefix(p.ImportPath, module), []string{"edge"}) {
			continue
		}
		for _, dep := range p.Deps {
			for _, banned := range []string{"go.temporal.io", "github.com/docker/docker", "github.com/influxdata"} {
				if strings.HasPrefix(dep, banned) {
					t.Errorf("%s depends on %s", p.ImportPath, dep)
				}
			}
		}
	}
}

// What is proven by simulation must not know what it is proven in.
func TestTheOptimiserKnowsNoSimulatedRoom(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		if folder != "internal/optimise" && folder != "internal/control" {
			continue
		}
		if slices.Contains(p.Deps, module+"internal/room") {
			t.Errorf("%s depends on the simulated room", folder)
		}
	}
}

func TestWorkflowsAndActivitiesReachNoClientLibrary(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		if folder != "workflows" && folder != "activities" {
			continue
		}
		for _, imported := range p.Imports {
			inside := strings.TrimPrefix(imported, module)
			switch {
			case !strings.Contains(strings.Split(imported, "/")[0], "."): // standard library
			case strings.HasPrefix(imported, "go.temporal.io/"):
			case inside != imported && (isPure(inside) || inside == "activities"):
			default:
				t.Errorf("%s imports %s", folder, imported)
			}
		}
	}
}

func TestAdaptersNeverImportEachOther(t *testing.T) {
	adapters := []string{
		"internal/docker", "internal/kafka", "internal/influx", "internal/temporal", "internal/registry",
		"internal/mail", "internal/snmp", "internal/secret", "internal/ssh",
		"internal/lirc",
	}
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			inside := strings.TrimPrefix(imported, module)
			for _, adapter := range adapters {
				if within(folder, []string{adapter}) && !within(inside, []string{adapter}) && within(inside, adapters) {
					t.Errorf("adapter %s imports adapter %s", folder, inside)
				}
			}
		}
	}
}

func TestOnlyStarterAndFunctionsUseTheEmbeddedDefaults(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		if within(folder, []string{"starter", "functions", "internal/embedded", "internal/lab", "e2e/lab", "bench"}) {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module+"internal/embedded") {
				t.Errorf("%s imports %s", folder, imported)
			}
		}
	}
}

func TestOnlyTestsUseTheLab(t *testing.T) {
	for _, p := range packages(t) {
		if within(strings.TrimPrefix(p.ImportPath, module), []string{"internal/lab", "e2e", "bench", "internal/kafka/kafkatest"}) {
			continue
		}
		for _, imported := range p.Imports {
			if within(strings.TrimPrefix(imported, module), []string{"internal/lab"}) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func isPure(folder string) bool {
	for _, p := range pure {
		if folder == p {
			return true
		}
	}
	return false
}

func within(folder string, folders []string) bool {
	for _, f := range folders {
		if folder == f || strings.HasPrefix(folder, f+"/") {
			return true
		}
	}
	return false
}
