using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Provenance;

/// <summary>Licences that models' cards name.</summary>
public sealed class LicenceCards : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public LicenceCards()
    {
        foreach (var name in new[] { "a", "b" })
            _workspace.Model(name, ("w", RawTensor.F32([2], 1, 2)));
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.Source("models/a", ("Weight", "1"));
        _workspace.Source("models/b", ("Weight", "1"));
    }

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("---\nlicense: mit\n---\n", "mit")]
    [InlineData("---\r\nlanguage: en\r\nlicense: Apache-2.0\r\n---\r\n# Title", "apache-2.0")]
    [InlineData("---\nlicense: \"cc-by-4.0\" # see below\n---\n", "cc-by-4.0")]
    [InlineData("---\nlicense:\n- mit\n- gpl-3.0\n---\n", "mit, gpl-3.0")]
    [InlineData("---\nlicense: [mit, gpl-3.0]\n---\n", "mit, gpl-3.0")]
    [InlineData("---\nlicense: other\nlicense_name: llama-community\n---\n", "llama-community")]
    [InlineData("---\nlibrary_name: transformers\n---\nlicense: mit\n", "")]
    [InlineData("# Title\n\nlicense: mit\n", "")]
    [InlineData("---\nlicense:\n---\n", "")]
    [InlineData("", "")]
    public void Are_read_from_the_front_matter(string card, string licences)
    {
        File.WriteAllText(Path.Combine(_workspace.Folder, "README.md"), card);
        Assert.Equal(licences, string.Join(", ", ModelLicence.In(_workspace.Folder, "x").Select(licence => licence.Licence)));
    }

    [Theory]
    [InlineData("mit", "apache-2.0", 0)]
    [InlineData("mit", "gpl-3.0", 0)]
    [InlineData("gpl-3.0", "gpl-3.0", 0)]
    [InlineData("gpl-3.0", "agpl-3.0", 0)]
    [InlineData("cc-by-sa-3.0", "cc-by-sa-4.0", 0)]
    [InlineData("llama3", "gemma", 0)]
    [InlineData("gpl-3.0", "cc-by-nc-4.0", 1)]
    [InlineData("gpl-2.0", "gpl-3.0", 1)]
    [InlineData("gpl-2.0", "apache-2.0", 1)]
    [InlineData("agpl-3.0", "llama3", 1)]
    [InlineData("cc-by-sa-4.0", "cc-by-nc-sa-4.0", 1)]
    [InlineData("mit", "cc-by-nc-nd-4.0", 1)]
    [InlineData("cc-by-nd-4.0", "cc-by-nc-nd-4.0", 2)]
    public void That_do_not_go_together_are_one_warning(string a, string b, int warnings)
    {
        Card("a", a);
        Card("b", b);
        var found = _workspace.State("m").Plan.Warnings.ToList();
        Assert.Equal(warnings, found.Count);
        Assert.All(found, warning => Assert.Equal(("MTK3053", true), (warning.Code, warning.IsWarning)));
        Assert.Equal(found, _workspace.Build().Validate(default));
    }

    [Fact]
    public void Are_listed_in_card_and_manifest_and_go_on_into_merges_of_merges()
    {
        Card("a", "mit");
        Card("b", "cc-by-nc-nd-4.0");
        _workspace.Clear();
        _workspace.Merge("m", ("Method", "linear"));
        _workspace.Source("models/a", ("Into", "m"), ("Weight", "1"));
        _workspace.Source("models/b", ("Into", "m"), ("Weight", "1"));
        _workspace.Merge("n", ("Method", "linear"));
        _workspace.Source("m", ("Into", "n"), ("Weight", "1"));
        _workspace.Source("models/a", ("Into", "n"), ("Weight", "1"));
        _workspace.RunAll();
        var card = File.ReadAllText(Path.Combine(_workspace.Output("m"), "README.md"));
        Assert.Contains("- `models/b`: cc-by-nc-nd-4.0", card, StringComparison.Ordinal);
        Assert.DoesNotContain("license:", card, StringComparison.Ordinal);
        Assert.Equal(["mit"], MergeManifest.Read(_workspace.Output("m"))!.Inputs[0].Licences);
        Assert.Contains(
            _workspace.State("n").Plan.Warnings, warning => warning.Message.Contains("'cc-by-nc-nd-4.0' of 'm'", StringComparison.Ordinal));
    }

    [Fact]
    public void One_licence_of_all_is_the_merges_own()
    {
        Card("a", "mit");
        Card("b", "mit");
        _workspace.RunAll();
        Assert.Contains("\nlicense: mit\n", File.ReadAllText(Path.Combine(_workspace.Output("m"), "README.md")), StringComparison.Ordinal);

        // A card that changes its mind makes the output's card anew, and no tensor.
        Card("b", "apache-2.0");
        var state = _workspace.State("m");
        Assert.False(state.IsFresh);
        Assert.Equal(0, state.StaleTensorCount);
    }

    private void Card(string model, string licence) =>
        File.WriteAllText(Path.Combine(_workspace.Folder, "models", model, "README.md"), $"---\nlicense: {licence}\n---\n");
}
