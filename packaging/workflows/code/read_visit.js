// @include request
// @include time
// @include hours
// @include wanted
return pass({ room });
