"""Ask the channel layer for a sign of life."""

import asyncio

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.management.base import BaseCommand, CommandError

from alerts.layer import explain, measure


class Command(BaseCommand):
    help = "Send a message through the channel layer and back: by a channel, and by a group."

    def add_arguments(self, parser):
        parser.add_argument("--timeout", type=float, default=3, help="seconds, 3 unless given")

    def handle(self, *, timeout, **options):
        layer = get_channel_layer()
        name = type(layer).__name__
        try:
            latency = asyncio.run(measure(timeout))
        except Exception as problem:
            raise CommandError(f"{name}: {explain(problem)}") from problem
        self.stdout.write(f"{name}: channel {latency.channel:.1f} ms, group {latency.group:.1f} ms")
        if isinstance(layer, InMemoryChannelLayer):
            self.stdout.write("It reaches this process only. REDIS_URL is not set.")
