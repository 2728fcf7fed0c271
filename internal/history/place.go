package history

import (
	"cmp"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The environment by which functions know InfluxDB.
const (
	EnvURL    = "INFLUX_URL"
	EnvOrg    = "INFLUX_ORG"
	EnvBucket = "INFLUX_BUCKET"
	EnvToken  = "INFLUX_TOKEN_FILE" //nolint:gosec // the name of a variable
)

// Find is where a placed service keeps its readings: at the InfluxDB of the first of its functions, by name, that has
// INFLUX_URL and INFLUX_BUCKET in its environment (the sink has). A placeholder there, {{influxdb.host}}, is that
// function's box and published port: as a worker reaches it, which is not always as a container beside it does.
// It is not ok when the service has no rooms, wants no history, or keeps no readings.
func Find(service spec.Service, placements []plan.Placement) (Place, bool) {
	if len(service.Rooms) == 0 || service.History.Off {
		return Place{}, false
	}
	functions := slices.SortedFunc(slices.Values(service.Functions), func(a, b spec.Function) int { return cmp.Compare(a.Name, b.Name) })
	for i := range functions {
		f := &functions[i]
		address, bucket := variable(f, EnvURL), variable(f, EnvBucket)
		if address == "" || bucket == "" {
			continue
		}
		address, ok := resolve(service, placements, f, address)
		if !ok || strings.Contains(bucket, "{{") {
			continue
		}
		return Place{URL: address, Org: variable(f, EnvOrg), Bucket: bucket, Token: token(service, f)}, true
	}
	return Place{}, false
}

func variable(f *spec.Function, name string) string {
	for _, v := range f.Environment {
		if v.Name == name {
			return strings.TrimSpace(v.Value)
		}
	}
	return ""
}

// token is the secret behind INFLUX_TOKEN_FILE, by reference. A token that stands in the environment itself is not copied
// into yet another place: the worker must have one of its own.
func token(service spec.Service, f *spec.Function) spec.Secret {
	file := variable(f, EnvToken)
	for _, use := range f.Secrets {
		if file == "" || use.Target != file && "/run/secrets/"+use.Target != file {
			continue
		}
		for _, secret := range service.Secrets {
			if secret.Name == use.Name {
				return secret
			}
		}
	}
	return spec.Secret{}
}

// resolve puts addresses in the place of {{function.host}} and {{function.port}}.
func resolve(service spec.Service, placements []plan.Placement, consumer *spec.Function, text string) (string, bool) {
	ok := true
	text = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_-]+)\.(host|port)\s*\}\}`).ReplaceAllStringFunc(text, func(match string) string {
		inside := strings.Trim(match, "{} \t")
		name, part, _ := strings.Cut(inside, ".")
		host, port, found := reach(service, placements, consumer, name)
		ok = ok && found
		if part == "host" {
			if strings.Contains(host, ":") {
				return "[" + host + "]"
			}
			return host
		}
		return port
	})
	return text, ok && !strings.Contains(text, "{{")
}

// reach is where a worker reaches the port of a function that another one consumes.
func reach(service spec.Service, placements []plan.Placement, consumer *spec.Function, name string) (host, port string, ok bool) {
	container := 0
	for _, edge := range consumer.Consumes {
		if edge.Function == name {
			container = edge.Port
		}
	}
	for _, f := range service.Functions {
		if f.Name == name && f.External != "" {
			host, port, err := net.SplitHostPort(f.External)
			return host, port, err == nil
		}
	}
	for _, p := range placements {
		if p.Function != name {
			continue
		}
		for _, published := range p.Ports {
			if (container == 0 || published.Container == container) && published.Host != 0 {
				return address(service, p.Box), strconv.Itoa(published.Host), true
			}
		}
	}
	return "", "", false
}

func address(service spec.Service, box string) string {
	for _, b := range service.Boxes {
		if b.Name == box {
			return cmp.Or(b.Address, "127.0.0.1")
		}
	}
	return "127.0.0.1"
}
