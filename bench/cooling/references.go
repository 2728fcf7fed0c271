package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// key names one room under one law.
type key struct {
	room, efficiency string
	seed             uint64
	days             float64
}

// references are the results of an earlier run with -out json, so that the slow ones need not be made again. The rooms
// must be the same: seed, days and the room model itself.
type references map[key]map[string]Result

// readReferences reads files, separated by commas; none for an empty list.
func readReferences(list string) (references, error) {
	all := references{}
	if list == "" {
		return all, nil
	}
	for _, path := range strings.Split(list, ",") {
		data, err := os.ReadFile(path) //nolint:gosec // the operator's own file
		if err != nil {
			return nil, fmt.Errorf("references: %w", err)
		}
		var results []Result
		if err := json.Unmarshal(data, &results); err != nil {
			return nil, fmt.Errorf("references %s are no results of -out json: %w", path, err)
		}
		for _, r := range results {
			k := key{r.Room, r.Efficiency, r.Seed, r.Days}
			if all[k] == nil {
				all[k] = map[string]Result{}
			}
			all[k][r.Controller] = r
		}
	}
	return all, nil
}

func (r references) of(c Case, days float64) map[string]Result {
	return r[key{c.Name, law(c.Parameters.Optimistic), c.Seed, days}]
}
