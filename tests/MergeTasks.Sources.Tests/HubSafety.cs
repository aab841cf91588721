using System.Text;
using MergeTasks.Sources.Hub;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Sources.Tests;

/// <summary>Servers, lock files and references that mean harm; and the token, which is nobody else's business.</summary>
public sealed class HubSafety : IDisposable
{
    private const string Token = "hf_SecretSecretSecret";

    private readonly SourcesProject _project = new();

    public HubSafety() => _project.Hub.Push("org/model", "main", SourcesProject.Files());

    public void Dispose() => _project.Dispose();

    [Fact]
    public void The_token_goes_to_the_server_it_is_for_and_no_further()
    {
        _project.Variables["HF_TOKEN"] = Token;
        _project.Restore("hf:org/model");
        Assert.All(_project.Hub.Requests, request => Assert.Equal($"Bearer {Token}", request["Authorization"]));
        Assert.Single(_project.Hub.Downloads);
        Assert.All(_project.Hub.Downloads, request => Assert.Null(request["Authorization"]));
    }

    [Fact]
    public void A_redirection_within_the_server_keeps_the_token()
    {
        // What the Hub answers for a repository that was renamed.
        _project.Variables["HF_TOKEN"] = Token;
        _project.Hub.Fault =
            request =>
                request.Path.Contains("old/name")
                    ? new WebAnswer(307, [], ("Location", request.Path.Replace("old/name", "org/model")))
                    : null;
        _project.Restore("hf:old/name");
        Assert.All(_project.Hub.Requests, request => Assert.Equal($"Bearer {Token}", request["Authorization"]));
    }

    [Fact]
    public void Once_sent_away_the_token_is_not_shown_again()
    {
        _project.Variables["HF_TOKEN"] = Token;
        using var away = new LoopbackServer(request => new WebAnswer(302, [], ("Location", $"{_project.Hub.Endpoint}/back")));
        _project.Hub.Fault =
            request => request.Path.Contains("/revision/") ? new WebAnswer(302, [], ("Location", $"{away.Address}away")) : null;
        _project.Refused("hf:org/model");
        Assert.All(away.Requests, request => Assert.Null(request["Authorization"]));
        Assert.All(_project.Hub.Requests.Where(request => request.Path == "/back"), request => Assert.Null(request["Authorization"]));
        Assert.Contains(_project.Hub.Requests, request => request.Path == "/back");
    }

    [Fact]
    public void Neither_token_nor_signed_address_is_in_any_message()
    {
        _project.Variables["HF_TOKEN"] = Token;
        var texts = new List<string>();
        _project.Hub.StorageFault = (_, _) => WebAnswer.Text(403, "no");
        texts.Add(_project.Refused("hf:org/model").ToString());
        _project.Hub.StorageFault = (_, answer) => answer with { CutAfter = 10 };
        texts.Add(_project.Refused("hf:org/model").ToString());
        _project.Hub.Fault = _ => WebAnswer.Text(401, "no");
        texts.Add(_project.Refused("hf:org/model").ToString());
        texts.AddRange(_project.Progress.Texts);
        texts.Add(HubSettings.From(name => _project.Variables.GetValueOrDefault(name)).ToString());
        Assert.All(texts, text => Assert.DoesNotContain(Token, text, StringComparison.Ordinal));
        Assert.All(texts, text => Assert.DoesNotContain("signed-secret", text, StringComparison.Ordinal));
        Assert.NotEmpty(_project.Progress.Texts);
    }

    [Fact]
    public void A_token_that_would_break_a_header_is_refused_without_being_shown()
    {
        _project.Variables["HF_TOKEN"] = "hf_secret\r\nX-Evil: 1";
        var fault = _project.Refused("hf:org/model");
        Assert.Equal(SourceError.Unauthorized, fault.Error);
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil.json")]
    [InlineData("..")]
    [InlineData("a/../../evil.json")]
    [InlineData("/etc/evil.json")]
    [InlineData("c:evil.json")]
    [InlineData("..\\\\evil.json")]
    [InlineData("evil\\u0000.json")]
    public void A_listing_whose_names_lead_elsewhere(string name)
    {
        _project.Hub.Fault =
            request =>
                request.Path.Contains("/tree/")
                    ? WebAnswer.Text(200, $$"""[{"type":"file","path":"{{name}}","size":1,"oid":"{{new string('a', 40)}}"}]""")
                    : null;
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/model").Error);
        Assert.False(Directory.Exists(_project.HubFolder));
    }

    [Theory]
    [InlineData("../../evil")]
    [InlineData("zz")]
    public void A_listing_whose_hashes_lead_elsewhere(string hash)
    {
        _project.Hub.Fault =
            request =>
                request.Path.Contains("/tree/")
                    ? WebAnswer.Text(200, $$"""[{"type":"file","path":"config.json","size":1,"oid":"{{hash}}"}]""")
                    : null;
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/model").Error);
    }

    [Fact]
    public void A_commit_that_leads_elsewhere()
    {
        _project.Hub.Fault = request => request.Path.Contains("/revision/") ? WebAnswer.Text(200, """{"sha":"../../../evil"}""") : null;
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/model").Error);
    }

    [Fact]
    public void A_shard_index_that_leads_elsewhere()
    {
        _project.Hub.Push(
            "org/evil",
            "main",
            [
                ("config.json", "{}"u8.ToArray()),
                ("model.safetensors.index.json", """{"weight_map":{"a":"../../../../evil.safetensors"}}"""u8.ToArray())
            ]);
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/evil").Error);
    }

    [Fact]
    public void A_listing_without_end()
    {
        _project.Hub.Fault =
            request =>
                request.Path.Contains("/tree/")
                    ? WebAnswer.Text(200, "[]", ("Link", $"<{_project.Hub.Endpoint}{request.Path}>; rel=\"next\""))
                    : null;
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/model").Error);
        Assert.InRange(_project.Hub.Requests.Count, 10, 200);
    }

    [Fact]
    public void A_listing_that_goes_on_at_another_server()
    {
        using var other = new LoopbackServer(_ => WebAnswer.Text(200, "[]"));
        _project.Hub.Fault =
            request => request.Path.Contains("/tree/") ? WebAnswer.Text(200, "[]", ("Link", $"<{other.Address}x>; rel=\"next\"")) : null;
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/model").Error);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public void An_answer_of_many_megabytes()
    {
        var long33 = Encoding.ASCII.GetBytes(new string(' ', 33 << 20));
        _project.Hub.Fault = request => request.Path.Contains("/revision/") ? new WebAnswer(200, long33) : null;
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/model").Error);
    }

    [Theory]
    [InlineData("""[{"type":"file","path":"\ud800","size":1,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":"1","oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":-1,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":1e99,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":1,"size":2,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":1,"oid":3}]""")]
    [InlineData("""[{"type":"file","path":null,"size":1,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"config.json","size":1,"oid":"OID","lfs":{"oid":"OID","size":[]}}]""")]
    [InlineData("""{"files":[]}""")]
    [InlineData("\u00ff")]
    [InlineData("[,]")]
    public void A_listing_of_other_values(string listing)
    {
        _project.Hub.Fault =
            request =>
                request.Path.Contains("/tree/")
                    ? WebAnswer.Text(200, listing.Replace("OID", new string('a', 40), StringComparison.Ordinal))
                    : null;
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/model").Error);
        Assert.False(Directory.Exists(_project.HubFolder));
    }

    [Fact]
    public void An_answer_nested_without_end()
    {
        _project.Hub.Fault = request => request.Path.Contains("/revision/") ? WebAnswer.Text(200, new string('[', 100_000)) : null;
        Assert.Equal(SourceError.Corrupt, _project.Refused("hf:org/model").Error);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("ftp://127.0.0.1/x")]
    public void A_redirection_to_another_kind_of_address(string location)
    {
        _project.Hub.Fault = request => request.Path.Contains("/revision/") ? new WebAnswer(302, [], ("Location", location)) : null;
        Assert.Equal(SourceError.Unsafe, _project.Refused("hf:org/model").Error);
    }

    [Fact]
    public void A_redirection_in_a_circle()
    {
        _project.Hub.Fault = request => new WebAnswer(302, [], ("Location", request.Path));
        Assert.Equal(SourceError.Unavailable, _project.Refused("hf:org/model").Error);
        Assert.InRange(_project.Hub.Requests.Count, 5, 20);
    }
}
