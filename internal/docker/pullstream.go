package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/overcloud/overcloud/activities"
)

// pullLine is one line of the engine's answer to a pull.
type pullLine struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error  string `json:"error"`
	Detail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// pulling adds up the lines.
type pulling struct {
	layers map[string]*layer
	status string
}

type layer struct {
	bytes, total int64
	done         bool
}

// readPull follows an answer to its end. The error is the one in the stream, in its own words.
func readPull(stream io.Reader, progress func(activities.PullProgress)) error {
	decoder := json.NewDecoder(stream)
	state := pulling{layers: map[string]*layer{}}
	for {
		var line pullLine
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("answer of the engine broke off: %w", err)
		}
		if line.Detail.Message != "" {
			return errors.New(line.Detail.Message)
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
		state.add(line)
		if progress != nil {
			progress(state.sum())
		}
	}
}

func (p *pulling) add(line pullLine) {
	p.status = line.Status
	var starts, ends bool
	switch line.Status {
	case "Pulling fs layer", "Waiting":
		starts = true
	case "Already exists", "Pull complete":
		starts, ends = true, true
	case "Downloading", "Verifying Checksum", "Download complete", "Extracting":
		starts = true
	}
	if !starts || line.ID == "" {
		return
	}
	one := p.layers[line.ID]
	if one == nil {
		one = &layer{}
		p.layers[line.ID] = one
	}
	switch line.Status {
	case "Downloading":
		one.bytes, one.total = line.Progress.Current, max(one.total, line.Progress.Total)
	case "Download complete":
		one.bytes = max(one.bytes, one.total)
	}
	one.done = one.done || ends
}

func (p *pulling) sum() activities.PullProgress {
	all := activities.PullProgress{Status: p.status}
	for _, one := range p.layers {
		all.Layers++
		if one.done {
			all.LayersDone++
		}
		all.Bytes += one.bytes
		all.TotalBytes += one.total
	}
	return all
}
