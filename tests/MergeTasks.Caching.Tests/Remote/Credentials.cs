using System.Text;
using MergeTasks.Caching.Remote;
using MergeTasks.TestSupport;

namespace MergeTasks.Caching.Tests.Remote;

/// <summary>Where the address and what proves who asks come from, and that neither is told to anybody else.</summary>
public sealed class Credentials
{
    private const string Address = "https://cache.example.com/merges";

    [Theory]
    [InlineData("", null, null, null)]
    [InlineData("none", Address, null, null)]
    [InlineData("https://a.example", Address, null, "https://a.example/")]
    [InlineData("https://a.example/b/", null, null, "https://a.example/b/")]
    [InlineData("", Address, null, Address + "/")]
    public void A_project_comes_before_the_environment(string project, string? environment, string? readOnly, string? expected)
    {
        var settings = RemoteSettings.From(project, null, name => name switch
        {
            RemoteSettings.UrlVariable => environment,
            RemoteSettings.ReadOnlyVariable => readOnly,
            _ => null,
        });
        Assert.Equal(expected, settings?.Address.ToString());
    }

    [Theory]
    [InlineData("cache.example.com")]
    [InlineData("ftp://cache.example.com")]
    [InlineData("/var/cache")]
    [InlineData("https://user:hunter2@cache.example.com/")]
    [InlineData("https://hunter2@cache.example.com/")]
    [InlineData("https://cache.example.com/?token=hunter2")]
    [InlineData("https://cache.example.com/#hunter2")]
    public void What_is_no_address_is_refused_without_being_repeated(string url)
    {
        foreach (var environment in new[] { "", url })
        {
            var fault = Assert.Throws<FormatException>(() => RemoteSettings.From(
                environment.Length > 0 ? "" : url, null, name => name == RemoteSettings.UrlVariable ? environment : null));
            Assert.DoesNotContain("hunter2", fault.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null, "true", true)]
    [InlineData(null, "0", false)]
    [InlineData(null, null, false)]
    [InlineData(false, "true", false)]
    [InlineData(true, null, true)]
    public void Only_reading_is_chosen_likewise(bool? project, string? environment, bool expected) => Assert.Equal(
        expected,
        RemoteSettings.From(Address, project, name => name == RemoteSettings.ReadOnlyVariable ? environment : null)!.IsReadOnly);

    [Fact]
    public void Variables_are_used_before_the_netrc_file()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder[".netrc"], "machine cache.example.com login file password of-the-file");
        var variables = new Dictionary<string, string> { ["HOME"] = folder.Path };
        Assert.Equal("file:of-the-file", Basic());
        variables["NETRC"] = folder["absent"];
        Assert.Null(Authorization());
        variables[RemoteSettings.PasswordVariable] = "of:the variable";
        variables[RemoteSettings.UserVariable] = "me";
        Assert.Equal("me:of:the variable", Basic());
        variables[RemoteSettings.TokenVariable] = "token";
        Assert.Equal(("Bearer", "token"), (Authorization()!.Scheme, Authorization()!.Parameter));
        variables[RemoteSettings.TokenVariable] = "to\nken";
        Assert.Throws<FormatException>(Authorization);

        System.Net.Http.Headers.AuthenticationHeaderValue? Authorization() =>
            RemoteSettings.From(Address, null, variables.GetValueOrDefault)!.Authorization;

        string Basic() => Encoding.UTF8.GetString(Convert.FromBase64String(Authorization()!.Parameter!));
    }

    [Theory]
    [InlineData("machine h login u password p", "u", "p")]
    [InlineData("machine H\n\tlogin u\n\tpassword p\n", "u", "p")]
    [InlineData("machine other login x password y\nmachine h login u password p", "u", "p")]
    [InlineData("machine h password p login u machine h login v password q", "u", "p")]
    [InlineData("default login u password p", "u", "p")]
    [InlineData("machine other login x password y default login u password p", "u", "p")]
    [InlineData("machine h login x # machine h login x password no\npassword p", "x", "p")]
    [InlineData("machine h login \"a b\" password \"p \\\" q\"", "a b", "p \" q")]
    [InlineData("macdef init\nmachine h login x password y\n\nmachine h login u account a password p", "u", "p")]
    [InlineData("machine h password p", "", "p")]
    public void The_netrc_file_is_read_as_others_read_it(string text, string user, string password) =>
        Assert.Equal((user, password), NetrcFile.Parse(text, "h"));

    [Theory]
    [InlineData("")]
    [InlineData("machine")]
    [InlineData("machine h")]
    [InlineData("machine h login u")]
    [InlineData("machine h login u password")]
    [InlineData("machine other login u password p")]
    [InlineData("login u password p")]
    [InlineData("macdef m\nmachine h login u password p")]
    public void What_says_nothing_of_a_server_gives_nothing(string text) => Assert.Null(NetrcFile.Parse(text, "h"));
}
