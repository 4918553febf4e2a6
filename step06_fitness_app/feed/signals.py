"""A person goes, and what they posted, said and cheered with them."""

from django.conf import settings
from django.db.models import Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from feed.models import Post
from feed.services import locked


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def hold_feed(sender, instance, **kwargs):
    """Whoever writes waits. What they said to others' posts is gone at the next look there."""
    stream = locked()
    touched = Post.objects.filter(Q(comments__author=instance) | Q(cheers__user=instance))
    posts = list(touched.distinct().order_by("pk"))
    for post in posts:  # a number each: they are read by pages
        stream.last_number += 1
        post.changed = stream.last_number
    Post.objects.bulk_update(posts, ["changed"], 500)
    stream.save()
