using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.TestSupport;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks.Tests;

/// <summary>What comes out of a task that fails: one error with a code and a page, and never an exception.</summary>
public sealed class LastResort : IDisposable
{
    private readonly TaskProject _project = new();

    public void Dispose() => _project.Dispose();

    public static TheoryData<string, string, string> Exceptions => new()
    {
        { nameof(InvalidOperationException), "MTK0004", "please report" },
        { nameof(InsufficientMemoryException), "MTK0004", "InsufficientMemoryException" },
        { nameof(OperationCanceledException), "MTK0004", "please report" },
        { nameof(AggregateException), "MTK0004", "please report" },
        { nameof(IOException), "MTK0005", "the device is odd" },
        { nameof(UnauthorizedAccessException), "MTK0005", "Access to" },
        { nameof(FileFault), "MTK0005", "'/x' is odd." },
        { nameof(DiagnosticException), "MTK1003", "wrong" },
    };

    [Theory]
    [MemberData(nameof(Exceptions))]
    public void An_exception_is_one_error(string exception, string code, string message)
    {
        using var task = new Throwing(exception switch
        {
            nameof(InvalidOperationException) => new InvalidOperationException("line 1\nline 2"),
            nameof(InsufficientMemoryException) => new InsufficientMemoryException(),
            nameof(OperationCanceledException) => new OperationCanceledException(),
            nameof(AggregateException) => new AggregateException(new InvalidOperationException("x")),
            nameof(IOException) => new IOException("the device is odd"),
            nameof(UnauthorizedAccessException) => new UnauthorizedAccessException("Access to the path '/x' is denied."),
            nameof(FileFault) => new FileFault(FileFaultKind.Failed, "/x", "is odd"),
            _ => new DiagnosticException(DiagnosticCode.InvalidValue, "wrong", null),
        })
        { BuildEngine = _project.Engine };
        var error = _project.Refused(task.Execute);
        Assert.Equal(code, error.Code);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(_project.ProjectFile, error.File);
    }

    [Fact]
    public void A_task_that_was_cancelled_says_nothing()
    {
        using var task = new Throwing(new OperationCanceledException()) { BuildEngine = _project.Engine };
        task.Cancel();
        Assert.False(task.Execute());
        Assert.Empty(_project.Engine.Errors);
    }

    [Theory]
    [InlineData("models/b\0", "MTK3040")]
    [InlineData("\0", "MTK3040")]
    [InlineData("hf:org/\0name", "MTK3040")]
    [InlineData("nuget:A/1.0.0\0", "MTK3040")]
    public void A_NUL_in_a_reference(string reference, string code)
    {
        _project.SecondSource = reference;
        Assert.Equal(code, _project.Refused(_project.Validate).Code);
        Assert.Equal(code, _project.Refused(_project.Plan).Code);
    }

    [Fact]
    public void A_NUL_in_the_caches_path()
    {
        _project.CachePath = "cache\0";
        Assert.Equal("MTK1003", _project.Refused(_project.Plan).Code);
    }

    [Fact]
    public void A_property_that_is_no_number()
    {
        _project.Threads = "many";
        var error = _project.Refused(_project.Plan);
        Assert.Equal(("MTK1003", "MergeThreads is a whole number from 0 on, not 'many'."), (error.Code, error.Message));
    }

    public static TheoryData<string> Models =>
        [
            .. Directory.Exists("/dev")
                ? new[] { "pipe", "pipe as config", "pipe as tokenizer", "unlistable", "folder as config", "zero" }
                : []
        ];

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_that_cannot_be_read(string damage)
    {
        if (!OperatingSystem.IsLinux() || !Nobody.IsAvailable)
            return;
        var b = _project["models", "b"];
        var code = "MTK3009";
        switch (damage)
        {
            case "pipe":
                SpecialFiles.Pipe(Path.Combine(b, "model.safetensors"));
                break;
            case "pipe as config":
                code = "MTK3008";
                SpecialFiles.Pipe(Path.Combine(b, "config.json"));
                break;
            case "pipe as tokenizer":
                SpecialFiles.Pipe(Path.Combine(b, "tokenizer.json"));
                break;
            case "folder as config":
                code = "MTK3008";
                File.Delete(Path.Combine(b, "config.json"));
                Directory.CreateDirectory(Path.Combine(b, "config.json"));
                break;
            case "zero":
                SpecialFiles.Link(Path.Combine(b, "model.safetensors"), "/dev/zero");
                break;
        }

        Nobody.Open(_project[""]);
        if (damage == "unlistable")
            File.SetUnixFileMode(b, UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        SpecialFiles.Soon(() => Nobody.Do(() => Assert.Equal(code, _project.RefusedHere(_project.Plan).Code)));
        File.SetUnixFileMode(b, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.False(Directory.Exists(_project.Output));
    }

    private sealed class Throwing(Exception exception) : CancelableTask
    {
        protected override void Run(CancellationToken cancellation) => throw exception;
    }
}
