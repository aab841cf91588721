using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>Where TorchSharp does not restore, everything else does.</summary>
public sealed class TorchIsOptional
{
    [Fact]
    public void Without_it_the_project_of_its_engine_says_in_one_line_that_it_is_skipped()
    {
        using var folder = new TempFolder();
        var project = Path.Combine(Package.Repository, "src", "MergeTasks.Torch", "MergeTasks.Torch.csproj");

        // A feed with nothing in it, and folders of its own for all that is built.
        File.WriteAllText(
            folder["nuget.config"],
            $"""<configuration><packageSources><clear /><add key="empty" value="{folder.Path}" /></packageSources></configuration>""");
        var built = Dotnet.Run(
            folder.Path, folder.Path, "build", project, "-p:WithTorch=false", $"-p:RestoreConfigFile={folder["nuget.config"]}",
            "--artifacts-path", folder["artifacts"], "-nr:false", "-tl:off");
        Assert.True(built.Succeeded, built.Output);
        var line = Assert.Single(built.Output.Split('\n'), line => line.Contains("skipped", StringComparison.Ordinal));
        Assert.Equal(
            "MergeTasks.Torch: skipped, because TorchSharp does not restore from every feed; -p:WithTorch=true builds it (docs/gpu.md).",
            line.Trim());
        Assert.False(Directory.Exists(folder["artifacts", "bin", "MergeTasks.Merging"]));
        using var assets = JsonDocument.Parse(
            File.ReadAllText(Directory.GetFiles(folder["artifacts"], "project.assets.json", SearchOption.AllDirectories).Single()));
        Assert.Empty(assets.RootElement.GetProperty("libraries").EnumerateObject());
    }
}
