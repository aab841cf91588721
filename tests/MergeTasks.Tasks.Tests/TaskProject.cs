using MergeTasks.Language.Declarations;
using MergeTasks.TestSupport;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace MergeTasks.Tasks.Tests;

/// <summary>A project of one merge of two models, whose tasks run in this process as a build would run them.</summary>
internal sealed class TaskProject : IDisposable
{
    private readonly TempFolder _folder = new();

    public TaskProject()
    {
        foreach (var model in new[] { "a", "b" })
            TestCheckpoint.Write(this["models", model], ("w", RawTensor.F32([2], 1, 2)));
        File.WriteAllText(
            ProjectFile,
            "<Project><ItemGroup><MergedModel Include=\"m\" Method=\"linear\" /><MergeSource Include=\"models/a;models/b\" Weight=\"1\" "
                + "/></ItemGroup></Project>");
        Engine = new RecordingEngine(ProjectFile);
    }

    public string this[params string[] parts] => _folder[parts];

    public RecordingEngine Engine { get; }

    public string ProjectName { get; set; } = "p.csproj";

    public string ProjectFile => this[ProjectName];

    /// <summary>A part of the outputs' path.</summary>
    public string Configuration { get; set; } = "Debug";

    /// <summary>The merge's name.</summary>
    public string Name { get; set; } = "m";

    /// <summary>The first source's weight.</summary>
    public string Weight { get; set; } = "1";

    /// <summary>Whether the build is one that sees all items of the project.</summary>
    public bool SeesAllItems { get; set; } = true;

    public string MergesFolder => this["obj", "merges", "Debug"] + Path.DirectorySeparatorChar;

    public string Output => this["bin", Configuration, "models", "m"];

    /// <summary>What the sources are called; the second may be replaced.</summary>
    public string SecondSource { get; set; } = "models/b";

    public string CachePath { get; set; } = "";

    /// <summary>What the project says of threads.</summary>
    public string Threads { get; set; } = "1";

    public bool Plan() => Plan(out _);

    public bool Plan(out ITaskItem[] stale)
    {
        using var task = With(new PlanMerges { SeesAllItems = SeesAllItems });
        Directory.CreateDirectory(this["tasks"]);
        var result = task.Execute();
        (stale, Files) = (task.StaleMerges, task.Files);
        return result;
    }

    /// <summary>The outputs' files as the last plan told them.</summary>
    public ITaskItem[] Files { get; private set; } = [];

    /// <summary>Metadata of the merge.</summary>
    public Dictionary<string, string> Metadata { get; } = new() { ["Method"] = "linear" };

    /// <summary>Properties beside the usual ones.</summary>
    public Dictionary<string, string> Properties { get; } = [];

    public bool Validate()
    {
        using var task = With(new ValidateMerges());
        return task.Execute();
    }

    /// <summary>The work of the generated project.</summary>
    public bool Merge(string deviceFile = "")
    {
        using var task = new MergeTensors
        {
            BuildEngine = Engine,
            MergeName = Name,
            Declarations = Path.Combine(MergesFolder, Name + ".declarations.json"),
            LockFile = Path.Combine(MergesFolder, Name + ".lock"),
            CachePath = this["cache"],
            Threads = 1,
            DeviceFile = deviceFile,
        };
        return task.Execute();
    }

    public bool Clean()
    {
        using var task = new CleanMerges
        {
            BuildEngine = Engine,
            ProjectFile = ProjectFile,
            MergesFolder = MergesFolder,
            CachePath = this["cache"],
            ModelsFolder = this["bin", Configuration, "models"] + Path.DirectorySeparatorChar,
        };
        return task.Execute();
    }

    /// <summary>Builds, which must succeed.</summary>
    public void Build()
    {
        Assert.True(Plan(), Said);
        Assert.True(Merge(), Said);
    }

    /// <summary>Everything that was logged as an error, for messages of tests.</summary>
    public string Said => string.Join('\n', Engine.Errors.Select(error => $"{error.Code}: {error.Message}"));

    /// <summary>The one error that a task logged, which must read as one line for its user.</summary>
    public BuildErrorEventArgs Refused(Func<bool> task)
    {
        BuildErrorEventArgs? error = null;
        SpecialFiles.Soon(() => error = RefusedHere(task));
        return error!;
    }

    /// <summary>As <see cref="Refused"/>, on this thread.</summary>
    public BuildErrorEventArgs RefusedHere(Func<bool> task)
    {
        var before = Engine.Errors.Count;
        Assert.False(task());
        return Checked(Assert.Single(Engine.Errors.Skip(before)));
    }

    public static BuildErrorEventArgs Checked(BuildErrorEventArgs error)
    {
        Assert.Matches("^MTK[0-9]{4}$", error.Code);
        Assert.DoesNotContain(error.Message!, char.IsControl);
        Assert.DoesNotContain("   at ", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message!.Length < 5000);
        Assert.EndsWith($"{error.Code}.md", error.HelpLink, StringComparison.Ordinal);
        return error;
    }

    public void Dispose() => _folder.Dispose();

    private T With<T>(T task)
        where T : DeclaringTask
    {
        task.BuildEngine = Engine;
        task.Project =
        [
            Property(ProjectProperties.ProjectFile, ProjectFile),
            Property(ProjectProperties.ModelsFolder, this["bin", Configuration, "models"]),
            Property(ProjectProperties.MergesFolder, MergesFolder),
            Property(ProjectProperties.CachePath, CachePath.Length > 0 ? CachePath : this["cache"]),
            Property(ProjectProperties.Threads, Threads),
            Property(ProjectProperties.RunTargets, this["run.targets"]),
            Property(ProjectProperties.TaskAssembly, this["tasks", "MergeTasks.dll"]),
            Property(ProjectProperties.LockFile, this["models.lock.json"]),
            .. Properties.Select(property => Property(new SurfaceName(property.Key, ""), property.Value)),
        ];
        task.MergedModels = [new TaskItem(Name, Metadata)];
        task.MergeSources = [
            new TaskItem("models/a", new Dictionary<string, string> { ["Weight"] = Weight }),
            new TaskItem(SecondSource, new Dictionary<string, string> { ["Weight"] = "1" })
        ];
        return task;
    }

    private static TaskItem Property(SurfaceName property, string value) =>
        new(property.Name, new Dictionary<string, string> { ["Value"] = value });
}
