package file

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
)

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrRejected, fmt.Sprintf(format, args...))
}

// measurement reads "24.5", "24.5 48", "24.5,48" or {"celsius":24.5,"humidity":48}.
func measurement(text string, scale float64) (device.Measurement, error) {
	var celsius, humidity *float64
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") {
		var said struct {
			Celsius  *float64 `json:"celsius"`
			Humidity *float64 `json:"humidity"`
		}
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			return device.Measurement{}, refused("it is no whole JSON: %v", err)
		}
		celsius, humidity = said.Celsius, said.Humidity
		if celsius == nil {
			return device.Measurement{}, refused(`its JSON has no "celsius"`)
		}
	} else {
		fields := strings.FieldsFunc(text, divides)
		if len(fields) > 2 {
			return device.Measurement{}, refused("it says %.40q: more than a temperature and a humidity", text)
		}
		numbers, err := all(text, fields)
		if err != nil {
			return device.Measurement{}, err
		}
		if celsius = &numbers[0]; len(numbers) > 1 {
			humidity = &numbers[1]
		}
	}
	m := device.Measurement{Celsius: *celsius * scale}
	if humidity != nil {
		m.Humidity, m.HasHumidity = *humidity*scale, true
	}
	return m, nil
}

// watts reads "640", "640 W of 2000" or {"watts":640}.
func watts(text string, scale float64) (float64, error) {
	value := 0.0
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") {
		var said struct {
			Watts *float64 `json:"watts"`
		}
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			return 0, refused("it is no whole JSON: %v", err)
		}
		if said.Watts == nil {
			return 0, refused(`its JSON has no "watts"`)
		}
		value = *said.Watts
	} else {
		fields := strings.FieldsFunc(text, divides)
		numbers, err := all(text, fields[:min(1, len(fields))])
		if err != nil {
			return 0, err
		}
		value = numbers[0]
	}
	if value *= scale; math.IsInf(value, 0) || math.IsNaN(value) {
		return 0, refused("it says %.40q, which is no power", text)
	}
	return value, nil
}

func divides(c rune) bool { return strings.ContainsRune(" \t\r\n,;", c) }

// all reads every field, of which there is at least one.
func all(text string, fields []string) ([]float64, error) {
	if len(fields) == 0 {
		return nil, refused("it is empty")
	}
	var out []float64
	for _, field := range fields {
		n, err := number(field)
		if err != nil {
			return nil, refused("it says %.40q, and %.40q is no number", text, field)
		}
		out = append(out, n)
	}
	return out, nil
}
