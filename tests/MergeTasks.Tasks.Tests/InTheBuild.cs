using System.Text.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.TestSupport;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks.Tests;

/// <summary>What the tasks tell the rest of the build, and take from it.</summary>
public sealed class InTheBuild : IDisposable
{
    private readonly TaskProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("CopyToPublishDirectory", "never", "Never")]
    [InlineData("CopyToPublishDirectory", "False", "Never")]
    [InlineData("CopyToPublishDirectory", "TRUE", "PreserveNewest")]
    [InlineData("CopyToPublishDirectory", "always", "Always")]
    [InlineData("CopyToPublishDirectory", "", "PreserveNewest")]
    [InlineData("CopyToPublishDirectory", "Nope", null)]
    [InlineData("CopyToOutputDirectory", "IfDifferent", "IfDifferent")]
    [InlineData("CopyToOutputDirectory", "", "Never")]
    [InlineData("CopyToOutputDirectory", "1", null)]
    [InlineData("Pack", "FALSE", "false")]
    [InlineData("Pack", "True", "true")]
    [InlineData("Pack", "no", null)]
    [InlineData("Pack", "Never", null)]
    public void Outputs_go_where_the_SDKs_words_say(string metadata, string value, string? meant)
    {
        _project.Metadata[metadata] = value;
        if (meant is null)
        {
            var error = _project.Refused(_project.Plan);
            Assert.Equal(("MTK1003", _project.ProjectFile), (error.Code, error.File));
            Assert.Contains($"'{value}'", error.Message, StringComparison.Ordinal);
            return;
        }

        // As planned, and as remembered.
        _project.Build();
        for (var time = 0; time < 3; time++)
        {
            Assert.True(_project.Plan(), _project.Said);
            Assert.NotEmpty(_project.Files);
            Assert.All(_project.Files, file => Assert.Equal(meant, file.GetMetadata(metadata)));
        }
    }

    [Fact]
    public void A_warning_of_the_phase_that_made_an_output_is_said_again_by_each_build()
    {
        _project.Build();
        var path = PhaseWarnings.PathOf(_project.MergesFolder, "m");
        PhaseWarnings.Write(path,
        [
            new Diagnostic(DiagnosticCode.NoGain, "It gained nothing.", new SourceLocation(_project.ProjectFile, 1, 2), IsWarning: true),
            new Diagnostic(DiagnosticCode.CacheUnwritable, "Not now.", null, IsWarning: true),
        ]);
        for (var time = 1; time < 4; time++)
        {
            Assert.True(_project.Plan(), _project.Said);
            Assert.Equal(time, _project.Engine.Warnings.Count);
        }

        Assert.All(_project.Engine.Warnings, warning => Assert.Equal(("MTK5013", 2), (warning.Code, warning.ColumnNumber)));

        // What cannot be read says nothing; what is made anew without a warning has none.
        File.WriteAllText(path, "[null");
        Assert.True(_project.Plan(), _project.Said);
        File.Delete(Path.Combine(_project.Output, "model.safetensors"));
        PhaseWarnings.Write(path, [new Diagnostic(DiagnosticCode.NoGain, "It gained nothing.", null, IsWarning: true)]);
        _project.Build();
        Assert.False(File.Exists(path));
        Assert.Equal(3, _project.Engine.Warnings.Count);
        Assert.True(_project.Clean(), _project.Said);
        Assert.Empty(Directory.GetFiles(_project.MergesFolder, "m.*.json"));
    }

    [Fact]
    public void Generated_projects_say_of_warnings_what_the_project_says()
    {
        _project.Properties["MSBuildTreatWarningsAsErrors"] = "true";
        _project.Properties["NoWarn"] = "1701;MTK6001";
        Assert.True(_project.Plan(), _project.Said);
        var generated = File.ReadAllText(Path.Combine(_project.MergesFolder, "m.proj"));
        Assert.Contains("<MSBuildTreatWarningsAsErrors>true</MSBuildTreatWarningsAsErrors>", generated, StringComparison.Ordinal);
        Assert.Contains("<NoWarn>1701;MTK6001</NoWarn>", generated.Replace("%3b", ";", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("WarningsAsMessages", generated, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MergedModelsOutputPath", "out/", "out/")]
    [InlineData("MergedModelsOutputPath", @"..\out", "../out")]
    [InlineData("RestoreConfigFile", "nuget.config", "nuget.config")]
    [InlineData("MergeThreads", "2", null)]
    public void Relative_paths_begin_at_the_project(string name, string value, string? path)
    {
        var property = ProjectProperties.All.Concat(ProjectProperties.OfTheBuild).Single(property => property.Name == name);
        var properties = new GatheredProperties([Item("MSBuildProjectFullPath", _project.ProjectFile), Item(name, value)]);
        Assert.Equal(path is null ? value : _project[path], properties[property]);

        static TaskItem Item(string name, string value) => new(name, new Dictionary<string, string> { ["Value"] = value });
    }

    [Fact]
    public void Lists_for_editors_name_what_is_read_and_made_so_that_MSBuild_reads_it()
    {
        File.WriteAllText(_project["models", "b", "odd;%40(x)*.txt"], "");
        _project.Build();
        var inputs = File.ReadAllText(Path.Combine(_project.MergesFolder, "p.csproj.inputs.txt"));
        Assert.Contains(_project["models", "a", "model.safetensors"], inputs, StringComparison.Ordinal);
        Assert.Contains("odd%253b%252540%2528x%2529%252a.txt", inputs, StringComparison.Ordinal);
        Assert.Equal(
            Path.Combine(_project.Output, MergedFiles.Manifest),
            File.ReadAllText(Path.Combine(_project.MergesFolder, "p.csproj.outputs.txt")));
    }

    [Fact]
    public void Clean_removes_the_folder_of_models_only_where_nothing_is_left_in_it()
    {
        var models = Path.GetDirectoryName(_project.Output)!;
        _project.Build();
        File.WriteAllText(Path.Combine(models, "mine.txt"), "");
        Assert.True(_project.Clean(), _project.Said);
        Assert.True(Directory.Exists(models));
        File.Delete(Path.Combine(models, "mine.txt"));

        // An empty folder that clean has not emptied is not its own.
        Assert.True(_project.Clean(), _project.Said);
        Assert.True(Directory.Exists(models));
        _project.Build();
        Assert.True(_project.Clean(), _project.Said);
        Assert.False(Directory.Exists(models));
    }

    [Fact]
    public void One_project_may_give_several_models_each_by_a_reference_of_its_own()
    {
        ITaskItem[] references = [Reference("../c/c.csproj", "one", "x"), Reference("../c/c.csproj", "two", "y")];
        using var task = new TakeReferencedModels
        {
            BuildEngine = _project.Engine,
            ProjectFile = _project.ProjectFile,
            References = references,
            Models = [.. references.SelectMany(reference => new[] { Given(reference, "one"), Given(reference, "two") })],
            WereBuilt = true,
        };
        Assert.True(task.Execute(), _project.Said);
        Assert.Equal([("one", "x"), ("two", "y")], task.Sources.Select(source => (source.GetMetadata("MergedModelName"), source.GetMetadata("Into"))));
        task.WereBuilt = false;
        Assert.False(task.Execute());
        Assert.Equal(["MTK7004", "MTK7004"], _project.Engine.Errors.Select(error => error.Code));

        static TaskItem Reference(string project, string model, string into) =>
            new(project, new Dictionary<string, string> { ["MergeInto"] = into, ["FromMerge"] = model });

        TaskItem Given(ITaskItem reference, string name)
        {
            var item = new TaskItem(_project["c", name]);
            reference.CopyMetadataTo(item);
            item.SetMetadata("MergedModelName", name);
            item.SetMetadata("MergeReference", reference.ItemSpec);
            return item;
        }
    }

    [Fact]
    public void A_project_that_only_gives_models_leaves_nothing_in_NuGets_list()
    {
        static object Library(string type, params string[] dependencies) =>
            new { type, dependencies = dependencies.ToDictionary(name => name, _ => "1.0.0") };
        var assets = _project["project.assets.json"];
        File.WriteAllText(assets, JsonSerializer.Serialize(new
        {
            version = 3,
            targets = new Dictionary<string, object>
            {
                ["net10.0"] = new Dictionary<string, object>
                {
                    ["c/1.0.0"] = Library("project", "OnlyOfC", "Both", "Lib"),
                    ["d/1.0.0"] = Library("project", "Both"),
                    ["Lib/1.0.0"] = Library("project", "Deep"),
                    ["OnlyOfC/1.0.0"] = Library("package"), ["Both/1.0.0"] = Library("package"), ["Deep/1.0.0"] = Library("package"),
                },
            },
            libraries = new Dictionary<string, object>
            {
                ["c/1.0.0"] = new { type = "project", path = "../c/c.csproj", msbuildProject = "../c/c.csproj" },
                ["d/1.0.0"] = new { type = "project", path = "../d/d.csproj", msbuildProject = "../d/d.csproj" },
                ["Both/1.0.0"] = new { type = "package", path = "both/1.0.0" },
            },
            projectFileDependencyGroups = new Dictionary<string, object> { ["net10.0"] = new[] { "c >= 1.0.0", "d >= 1.0.0" } },
            project = new
            {
                restore = new
                {
                    frameworks = new Dictionary<string, object>
                    {
                        ["net10.0"] = new { projectReferences = new Dictionary<string, object> { [Reference("c")] = new { }, [Reference("d")] = new { } } },
                    },
                },
            },
        }));
        Assert.Equal(_project["pack", "project.assets.json"], Pruned("../c/c.csproj"));
        using var pruned = JsonDocument.Parse(File.ReadAllText(_project["pack", "project.assets.json"]));
        Assert.Equal(
            [Reference("d")],
            pruned.RootElement.GetProperty("project").GetProperty("restore").GetProperty("frameworks").GetProperty("net10.0")
                .GetProperty("projectReferences").EnumerateObject().Select(reference => reference.Name));
        Assert.Equal(
            ["d/1.0.0", "Both/1.0.0"],
            pruned.RootElement.GetProperty("targets").GetProperty("net10.0").EnumerateObject().Select(library => library.Name));

        // Where restore knew, its own list is the one to use.
        Assert.Equal(assets, Pruned("../e/e.csproj"));

        string Reference(string name) => Path.GetFullPath(_project["..", name, name + ".csproj"]);

        string Pruned(string reference)
        {
            using var task = new PruneAssetsFile
            {
                BuildEngine = _project.Engine,
                ProjectFile = _project.ProjectFile,
                AssetsFile = assets,
                Folder = _project["pack"],
                References = [new TaskItem(reference)],
            };
            Assert.True(task.Execute(), _project.Said);
            return task.Pruned;
        }
    }
}
