package wire

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

var (
	noon   = time.UnixMilli(1_760_000_000_000)
	broker = noon.Add(2 * time.Second)
)

func TestReadingsAreReadAsTheyWereWritten(t *testing.T) {
	for name, r := range map[string]Reading{
		"with humidity":        {Room: "lab", Sensor: 3, At: noon, Celsius: 23.456789, Humidity: 41.5, HasHumidity: true},
		"without humidity":     {Room: "lab", Sensor: 3, At: noon, Celsius: -0.0625},
		"bad, for a reason":    {Room: "lab", Sensor: 0, At: noon, Celsius: 85, Bad: true, Reason: "power-up value"},
		"unsynchronised clock": {Room: "lab", Sensor: 9, At: noon, Celsius: 20, Unsynchronised: true},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, r.Validate())
			value := AppendReading(nil, r)
			got, err := ParseReading(r.Room, value, broker, r.Headers())
			require.NoError(t, err)
			require.Equal(t, r, got)
		})
	}
	require.Equal(t, "1760000000000,3,41.5,23.25", string(AppendReading(nil, Reading{
		Sensor: 3, At: noon, Celsius: 23.25, Humidity: 41.5, HasHumidity: true,
	})))
}

func TestThe2017FormsOfTempAreRead(t *testing.T) {
	reading := Reading{Room: "lab", Sensor: 1, At: noon, Celsius: 23.5, Humidity: 40, HasHumidity: true}
	arrived := reading
	arrived.At, arrived.ArrivalTime = broker, true
	dry := reading
	dry.HasHumidity, dry.Humidity = false, 0
	for name, c := range map[string]struct {
		value string
		want  Reading
	}{
		"as ours":                    {"1760000000000,1,40,23.5", reading},
		"humidity is empty":          {"1760000000000,1,,23.5", dry},
		"blanks and a line end":      {" 1760000000000, 1 , 40.0,23.50\r\n", reading},
		"first field is a word":      {"temp,1,40,23.5", arrived},
		"first field is empty":       {",1,40,23.5", arrived},
		"first field is a counter":   {"17,1,40,23.5", arrived},
		"first field is in seconds":  {"1760000000,1,40,23.5", arrived},
		"first field is a date":      {"2017-03-04 12:00:01,1,40,23.5", arrived},
		"first field is beyond 2100": {"99999999999999,1,40,23.5", arrived},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseReading("lab", []byte(c.value), broker, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	got, err := ParseReading("", []byte("1760000000000,1,40,23.5"), broker, nil)
	require.NoError(t, err)
	require.Empty(t, got.Room, "no key: the sensor's number finds the room")
	rooms := SensorRooms([]spec.Room{{Name: "lab", Sensors: []spec.Sensor{{ID: 1}}}, {Name: "hall", Sensors: []spec.Sensor{{ID: 2}}}})
	require.Equal(t, "lab", rooms[got.Sensor])
}

func TestReadingsThatCannotBeAreRefused(t *testing.T) {
	for value, why := range map[string]string{
		"":                                  "4 fields",
		"1760000000000,1,40":                "4 fields",
		"1760000000000,1,40,23,5":           "4 fields",
		"1760000000000,one,40,23":           `sensor "one" is no number`,
		"1760000000000,-1,40,23":            `sensor "-1" is no number`,
		"1760000000000,99999999999,40,23":   "no sensor's number",
		"1760000000000,1,40,":               `temperature "" is no number`,
		"1760000000000,1,40,NaN":            "is no number",
		"1760000000000,1,40,+Inf":           "is no number",
		"1760000000000,1,Infinity,20":       "is no number",
		"1760000000000,1,40,1e999":          "is no number",
		"1760000000000,1,40,0x1p4":          "is no number",
		"1760000000000,1,40,1_000":          "is no number",
		"1760000000000,1,40,131":            "temperature 131 is outside -60 to 130",
		"1760000000000,1,101,20":            "humidity 101 is outside 0 to 100",
		"1760000000000,1,-1,20":             "humidity -1 is outside",
		"1760090000000,1,40,20":             "more than a day ahead",
		"1,2,3," + strings.Repeat("4", 300): "longer than 256",
	} {
		t.Run(value, func(t *testing.T) {
			_, err := ParseReading("lab", []byte(value), broker, nil)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, why)
		})
	}
	_, err := ParseReading("a\nb", []byte("1760000000000,1,40,20"), broker, nil)
	require.ErrorContains(t, err, "control characters")
	_, err = ParseReading("lab", []byte("x,1,40,20"), time.Time{}, nil)
	require.ErrorContains(t, err, "arrival is unknown")
	for name, r := range map[string]Reading{
		"NaN": {Room: "lab", At: noon, Celsius: math.NaN()}, "Inf": {Room: "lab", At: noon, Humidity: math.Inf(1), HasHumidity: true},
		"no room": {At: noon}, "no time": {Room: "lab"},
	} {
		require.ErrorIs(t, r.Validate(), fault.ErrInvalid, name)
	}
}

func TestQualityNobodyKnowsIsNotGood(t *testing.T) {
	r, err := ParseReading("lab", []byte("1760000000000,1,,20"), broker, map[string]string{HeaderQuality: "suspect", HeaderReason: "stuck"})
	require.NoError(t, err)
	require.True(t, r.Bad)
	require.Equal(t, "stuck", r.Reason)
}

func FuzzParseReading(f *testing.F) {
	for _, seed := range []string{
		"1760000000000,1,40,23.5", "1760000000000,1,,23.5", "temp,1,40,23.5", ",,,", "NaN,NaN,NaN,NaN", "1,2,3,4,5", "1e3,1,1e1,1e1",
	} {
		f.Add("lab", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, room string, value []byte) {
		r, err := ParseReading(room, value, broker, nil)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		again, err := ParseReading(room, AppendReading(nil, r), broker, nil)
		if err != nil {
			require.ErrorContains(t, err, "longer than", "written out, 1e-300 is long")
			return
		}
		again.ArrivalTime = r.ArrivalTime // it has a time of its own now
		require.Equal(t, r, again)
	})
}

func BenchmarkParseReading(b *testing.B) {
	value := []byte("1760000000000,12,41.5,23.25")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseReading("lab", value, broker, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// What is read fast is what strconv reads.
func TestPlainNumbersAreStrconvs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		text := strconv.FormatFloat((random.Float64()-0.5)*math.Pow(10, float64(random.IntN(8))), 'f', random.IntN(9), 64)
		want, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		if got, plain := plainNumber([]byte(text)); plain {
			require.Equal(t, want, got, text)
		} else {
			require.Greater(t, len(text), 15, text)
		}
	}
	for _, odd := range []string{"", "-", ".", "5.", ".5", "1.2.3", "1e3", "+5", "--1", "0x1", "1234567890123456", "NaN", "1 "} {
		_, plain := plainNumber([]byte(odd))
		require.False(t, plain, odd)
	}
	_, plain := plainNumber([]byte("-0.0625"))
	require.True(t, plain)
}
