"""What goes from the feed: a post, a comment, and a person with all they wrote."""

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver

from feed.messages import PostDeleted
from feed.models import Comment, Post
from feed.services import locked, touch
from realtime import groups
from realtime.messages import encode
from realtime.publish import send_on_commit


def is_of(sender: type[Model], origin: Model | QuerySet) -> bool:
    """Whether such rows were to be deleted, and not what they belong to."""
    return sender is (origin.model if isinstance(origin, QuerySet) else type(origin))


@receiver(post_delete, sender=Post)
def tell_deleted(sender, instance, origin, **kwargs):
    """By its author, or by staff."""
    if is_of(sender, origin):
        about = {"author": instance.author_id, "by": instance.author_id}
        frame = encode(PostDeleted(instance.pk))
        send_on_commit(groups.feed(instance.author_id), "told", text=frame, **about)


@receiver(pre_delete, sender=Comment)
def change_post(sender, instance, origin, **kwargs):
    """By staff: gone at the next look at its post."""
    if is_of(sender, origin):
        touch(instance.post, locked())


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
