# An image that holds the static program only:
#
#     cp "$(.ci/static)" . && docker build -t rconnect .
FROM scratch
COPY rconnect /rconnect
# It needs no privilege, and no name for its user.
USER 65534:65534
ENTRYPOINT ["/rconnect"]
