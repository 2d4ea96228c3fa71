# Two images of one build: Keycloak with its own build step done, so that it starts on a read-only disk, and all of our
# services, whose jars ./crossdock has put into target/image. No syntax that needs BuildKit.
ARG KEYCLOAK_IMAGE=quay.io/keycloak/keycloak:26.7.3
ARG JAVA_IMAGE=eclipse-temurin:25-jre

FROM ${KEYCLOAK_IMAGE} AS keycloak
RUN /opt/keycloak/bin/kc.sh build --db=postgres --health-enabled=true

FROM ${JAVA_IMAGE} AS services
COPY launcher/src/build/healthy.sh /opt/crossdock/healthy
COPY target/image /opt/crossdock
WORKDIR /opt/crossdock
USER 10001:10001
ENTRYPOINT ["java"]
