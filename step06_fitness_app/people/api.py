"""People over HTTP: oneself, the others, friendships and blocks; only ever one's own ends."""

from django.contrib.auth import logout
from django.core.exceptions import ObjectDoesNotExist
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from people import services
from people.models import Profile, Role


class SignUpSerializer(serializers.Serializer):
    """A name and a password; both have rules."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)

    def create(self, given):
        address = self.context["request"].META.get("REMOTE_ADDR", "")
        return services.sign_up(**given, address=address)


class DeletionSerializer(serializers.Serializer):
    """Who deletes an account says its password."""

    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)

    def create(self, given):
        services.delete_account(self.context["user"], **given)
        return self.context["user"]


class MeSerializer(serializers.ModelSerializer):
    """Oneself. `trainer` is a username, or null."""

    username = serializers.CharField(source="user.username", read_only=True)
    trainer = serializers.CharField(
        max_length=150, allow_null=True, allow_blank=True, required=False
    )

    class Meta:
        model = Profile
        fields = ["username", "role", "trainer", "privacy"]

    def validate_trainer(self, username):
        if not username:
            return None
        try:
            return services.trainers(self.instance.user).get(username=username)
        except ObjectDoesNotExist:
            raise serializers.ValidationError("There is no trainer of that name.") from None

    def update(self, profile, changes):
        services.change(profile, **changes)
        return profile


class SearchSerializer(serializers.Serializer):
    """A part of a username."""

    search = serializers.CharField(max_length=150)


class PersonSerializer(serializers.Serializer):
    """Somebody else."""

    username = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, source="profile.role")


class StandingSerializer(PersonSerializer):
    """Somebody else, and what they are to me: asked by me, or asking me."""

    friendship = serializers.ChoiceField(["none", "asked", "asking", "friends"])
    is_my_trainer = serializers.BooleanField()
    is_my_client = serializers.BooleanField()
    may_talk = serializers.BooleanField()


class CircleSerializer(serializers.Serializer):
    """My friends, whom I asked, and who is asking me."""

    friends = PersonSerializer(many=True)
    asked = PersonSerializer(many=True)
    asking = PersonSerializer(many=True)


class SignUp(generics.CreateAPIView):
    """POST: somebody new, who can then obtain tokens."""

    authentication_classes = []
    permission_classes = [AllowAny]
    serializer_class = SignUpSerializer


class Me(generics.RetrieveUpdateAPIView):
    """GET, PATCH: my profile. DELETE with my password: my account, and all that is mine."""

    http_method_names = ["get", "patch", "delete", "head", "options"]
    serializer_class = MeSerializer

    def get_object(self):
        return self.request.user.profile

    # OpenAPI 3.0 knows no body of a DELETE.
    @extend_schema(
        description='Body: {"password": "…"}. All that is mine goes.', responses={204: None}
    )
    def delete(self, request):
        form = DeletionSerializer(data=request.data, context={"user": request.user})
        form.is_valid(raise_exception=True)
        form.save()
        logout(request)
        return Response(status=204)


class People(APIView):
    """GET: the first 20 whose names contain `search`."""

    @extend_schema(parameters=[SearchSerializer], responses=PersonSerializer(many=True))
    def get(self, request):
        form = SearchSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        found = services.search(request.user, form.validated_data["search"])
        return Response(PersonSerializer(found, many=True).data)


class Person(APIView):
    """GET: somebody else, and what they are to me. Who is blocked is not there."""

    @extend_schema(responses=StandingSerializer)
    def get(self, request, username: str):
        return Response(standing(request, username))


class Friends(APIView):
    """GET: my friends, and the requests both ways."""

    @extend_schema(responses=CircleSerializer)
    def get(self, request):
        return Response(CircleSerializer(services.circle(request.user)).data)


class Friend(APIView):
    """POST: ask, or accept. DELETE: unfriend, take the request back, or decline."""

    @extend_schema(request=None, responses=StandingSerializer)
    def post(self, request, username: str):
        services.ask(request.user, services.find(request.user, username))
        return Response(standing(request, username))

    @extend_schema(responses={204: None})
    def delete(self, request, username: str):
        services.unfriend(request.user, services.find(request.user, username))
        return Response(status=204)


class Blocks(APIView):
    """GET: whom I have blocked."""

    @extend_schema(responses=PersonSerializer(many=True))
    def get(self, request):
        return Response(PersonSerializer(services.blocked_by(request.user), many=True).data)


class BlockOf(APIView):
    """POST: block somebody. DELETE: unblock them; what the block ended stays ended."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request, username: str):
        services.block(request.user, services.find(request.user, username))
        return Response(status=204)

    @extend_schema(responses={204: None})
    def delete(self, request, username: str):
        services.unblock(request.user, username)
        return Response(status=204)


def standing(request, username: str) -> dict:
    other = services.find(request.user, username)
    return StandingSerializer(services.standing(request.user, other)).data
