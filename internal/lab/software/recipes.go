package software

// Recipe is one image of third-party software: which packages, and the script that turns environment variables
// into the software's own configuration, as the usual images do.
type Recipe struct {
	// Name and Tag are REGISTRY/Name:Tag.
	Name, Tag string
	// Packages are Debian's.
	Packages []string
	// Jars are of Maven Central, GROUP:ARTIFACT:VERSION, and lie with all that they need in JarFolder.
	Jars      []string
	JarFolder string
	// Script is a file of this package's files folder and becomes /entrypoint.
	Script string
	Ports  []int
}

// Recipes are the images that the example specifications use.
func Recipes() []Recipe {
	return []Recipe{
		{Name: "debian/nginx", Tag: "1.22", Packages: []string{"nginx-light"}, Script: "nginx.sh", Ports: []int{8080}},
		{Name: "debian/postgresql", Tag: "15", Packages: []string{"postgresql-15"}, Script: "postgresql.sh", Ports: []int{5432}},
		{Name: "debian/adminer", Tag: "4.8", Packages: []string{"adminer", "php-cli", "php-pgsql"}, Script: "adminer.sh", Ports: []int{8000}},
		Kafka(),
	}
}

// Kafka is Apache Kafka, one node that is broker and controller.
func Kafka() Recipe {
	return Recipe{
		Name: "apache/kafka", Tag: "3.9", Packages: []string{"openjdk-17-jre-headless"}, Script: "kafka.sh", Ports: []int{9092},
		Jars: []string{
			"org.apache.kafka:kafka_2.13:3.9.1", "org.apache.kafka:kafka-tools:3.9.1", "org.slf4j:slf4j-simple:1.7.36",
		}, JarFolder: "/opt/kafka/libs",
	}
}
