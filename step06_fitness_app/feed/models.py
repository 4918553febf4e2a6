"""What people tell their friends, and what those say to it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

PERSON = settings.AUTH_USER_MODEL


# --8<-- [start:stream]
class Stream(models.Model):
    """One row: the lock under which the whole feed is written, and the number of its last change.

    Held until the commit, it lets nobody see number 8, or the higher of two ids, before the lower
    one is there. The price: one write after the other. Reading does not wait for it.
    """

    last_number = models.PositiveBigIntegerField(default=0)

    def __str__(self):
        return f"up to {self.last_number}"

    def next(self) -> int:
        self.last_number += 1
        self.save(update_fields=["last_number"])
        return self.last_number


class Post(models.Model):
    """Stored once, however many friends read it. `changed` is the number of its newest change:
    itself, a comment or a cheer."""

    author = models.ForeignKey(PERSON, models.CASCADE, related_name="posts")
    text = models.TextField(max_length=2000)
    workout = models.ForeignKey(
        "workouts.Workout", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    posted_at = models.DateTimeField(default=timezone.now)
    client_id = models.CharField(max_length=64, editable=False)
    changed = models.PositiveBigIntegerField(db_index=True, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["author", "-id"], name="posts_of_an_author")]
        constraints = [
            models.UniqueConstraint(fields=["author", "client_id"], name="one_post_a_client_id")
        ]

    # --8<-- [end:stream]

    def __str__(self):
        return f"{self.author}: {self.text[:40]}"


class Comment(models.Model):
    """Said to a post, for whoever sees it."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(PERSON, models.CASCADE, related_name="+")
    text = models.TextField(max_length=2000)
    said_at = models.DateTimeField(default=timezone.now)
    client_id = models.CharField(max_length=64, editable=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["author", "client_id"], name="one_comment_a_client_id")
        ]

    def __str__(self):
        return f"{self.author}: {self.text[:40]}"


class Cheer(models.Model):
    """Somebody likes a post. The row is all there is to it."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="cheers")
    user = models.ForeignKey(PERSON, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="one_cheer_a_person")]

    def __str__(self):
        return f"{self.user} cheers {self.post_id}"
