package spec

import "cmp"

// Class is what ASHRAE TC 9.9 (5th edition, 2021) allows at the inlets of one class of equipment. It recommends 18 to
// 27 °C for A1 to A4, a dew point of -9 to 15 °C and at most 70 % relative humidity, which are the policy's defaults.
type Class struct {
	Name          string
	Least, Most   float64 // °C
	HumidityLeast float64 // % relative
	HumidityMost  float64
	DewPointLeast float64 // °C
	DewPointMost  float64
	Rate15        float64 // K in 15 min
	RateHour      float64 // K in an hour, without tape drives (5 with them)
}

// Classes are the classes, the narrowest of A1 to A4 first. Below 900 m; higher up the air carries less heat, and a
// policy should state less.
func Classes() [5]Class {
	return [...]Class{
		{"A1", 15, 32, 8, 80, -12, 17, 5, 20},
		{"A2", 10, 35, 8, 80, -12, 21, 5, 20},
		{"A3", 5, 40, 8, 85, -12, 24, 5, 20},
		{"A4", 5, 45, 8, 90, -12, 24, 5, 20},
		{"H1", 5, 25, 8, 80, -12, 17, 5, 20},
	}
}

// ClassOf finds a class; it is not ok for a name that is none.
func ClassOf(name string) (class Class, ok bool) {
	for _, class = range Classes() {
		if class.Name == name {
			return class, true
		}
	}
	return Class{}, false
}

// narrowestClass is the class of a policy that states none.
func (p Policy) narrowestClass() string {
	for _, class := range Classes() {
		if p.Critical <= class.Most {
			return class.Name
		}
	}
	return "A4"
}

// Bounds are what the policy's class allows, with the policy's own numbers where it states them: humidity, dew point and
// rates of change. An unknown class allows what A1 does.
func (p Policy) Bounds() Class {
	class, ok := ClassOf(p.Class)
	if !ok {
		class = Classes()[0]
	}
	class.HumidityMost = cmp.Or(p.HumidityMost, class.HumidityMost)
	class.DewPointLeast = cmp.Or(p.DewPointLeast, class.DewPointLeast)
	class.DewPointMost = cmp.Or(p.DewPointMost, class.DewPointMost)
	class.Rate15 = cmp.Or(p.RateMost, class.Rate15)
	class.RateHour = cmp.Or(p.RateHour, class.RateHour)
	return class
}

// Classed is the policy with the class of one that states none: the narrowest of A1 to A4 that allows its Critical.
func (p Policy) Classed() Policy {
	p.Class = p.narrowestClass()
	return p
}
