using MergeTasks.Sources.References;
using MergeTasks.TestSupport;

namespace MergeTasks.Sources.Tests;

/// <summary>What users write for a model.</summary>
public sealed class References : IDisposable
{
    private readonly TempFolder _folder = new();

    public References()
    {
        Directory.CreateDirectory(_folder["models", "a"]);
        Directory.CreateDirectory(_folder["org", "name@v1"]);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("hf:org/name", "hf:org/name@main")]
    [InlineData("HF:org/name@v1.0", "hf:org/name@v1.0")]
    [InlineData("hf:gpt2", "hf:gpt2@main")]
    [InlineData("hf:org/name@refs/pr/3", "hf:org/name@refs/pr/3")]
    [InlineData("hf:org/name@0123456789abcdef0123456789abcdef01234567", "hf:org/name@0123456789abcdef0123456789abcdef01234567")]
    [InlineData("somebody/Model-7B_v0.1", "hf:somebody/Model-7B_v0.1@main")]
    [InlineData("somebody/model@dev", "hf:somebody/model@dev")]
    [InlineData("nuget:Contoso.Math/2.1.0", "nuget:Contoso.Math/2.1.0")]
    [InlineData("nuget:Contoso.Math/[1.0, 2.0)", "nuget:Contoso.Math/[1.0,2.0)")]
    [InlineData("nuget:Contoso.Math/1.*/chat", "nuget:Contoso.Math/1.*/chat")]
    public void A_model_from_elsewhere(string text, string key) => Assert.Equal(key, Parse(text).Key);

    [Theory]
    [InlineData("models/a", "models/a")]
    [InlineData("models\\a", "models/a")]
    [InlineData("models/typo", "models/typo")]
    [InlineData("org/name@v1", "org/name@v1")]
    [InlineData("./somebody/model", "somebody/model")]
    [InlineData("../somebody", "../somebody")]
    [InlineData("a/b/c", "a/b/c")]
    [InlineData("model", "model")]
    public void A_path(string text, string path) =>
        Assert.Equal(Path.GetFullPath(_folder[path]), Assert.IsType<PathReference>(Parse(text)).Folder);

    [Theory]
    [InlineData("hf:")]
    [InlineData("hf://org/name")]
    [InlineData("hf:org/name/file")]
    [InlineData("hf:../name")]
    [InlineData("hf:org/..")]
    [InlineData("hf:org/na--me")]
    [InlineData("hf:org/name@")]
    [InlineData("hf:org/name@../../evil")]
    [InlineData("hf:org/name@a b")]
    [InlineData("hf:org/name@-x/")]
    [InlineData("nuget:")]
    [InlineData("nuget:Contoso.Math")]
    [InlineData("nuget:../x/1.0.0")]
    [InlineData("nuget:Contoso.Math/newest")]
    [InlineData("nuget:Contoso.Math/1.0.0/..")]
    [InlineData("nuget:Contoso.Math/1.0.0/a/b")]
    [InlineData("https://huggingface.co/org/name")]
    [InlineData("docker:x/y")]
    public void Neither(string text) => Assert.Equal(SourceError.BadReference, Assert.Throws<SourceException>(() => Parse(text)).Error);

    private ModelReference Parse(string text) => SourceSchemes.Parse(text, [_folder.Path]);
}
