using System.Reflection;
using MergeTasks.TestSupport;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("MergeTasks.Tests.RunThatCleansUp", "MergeTasks.Tests")]

namespace MergeTasks.Tests;

/// <summary>What one run of these tests shares. It goes after the last test, whichever class that is in.</summary>
internal static class RunFolder
{
    private static readonly Lazy<TempFolder> Folder = new(() => new TempFolder());

    /// <summary>A folder in it, made if it is not there.</summary>
    public static string Of(string name) => Directory.CreateDirectory(Folder.Value[name]).FullName;

    public static void Remove()
    {
        if (Folder.IsValueCreated)
            Folder.Value.Dispose();
    }
}

/// <summary>
/// Runs the tests as xunit does, then removes what they shared. xunit's fixtures of this version belong to a class or to tests that run one
/// after the other; and when the process ends it is too late, because its parent ends it within a tenth of a second.
/// </summary>
internal sealed class RunThatCleansUp(IMessageSink messages) : XunitTestFramework(messages)
{
    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName name, ISourceInformationProvider sources, IMessageSink messages)
        : XunitTestFrameworkExecutor(name, sources, messages)
    {
        protected override async void RunTestCases(
            IEnumerable<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions)
        {
            using var runner = new Runner(TestAssembly, testCases, DiagnosticMessageSink, executionMessageSink, executionOptions);
            await runner.RunAsync();
        }
    }

    private sealed class Runner(
        ITestAssembly assembly, IEnumerable<IXunitTestCase> testCases, IMessageSink diagnostics, IMessageSink messages,
        ITestFrameworkExecutionOptions options)
        : XunitTestAssemblyRunner(assembly, testCases, diagnostics, messages, options)
    {
        // What it throws is a failure of the run.
        protected override Task BeforeTestAssemblyFinishedAsync()
        {
            Aggregator.Run(RunFolder.Remove);
            return base.BeforeTestAssemblyFinishedAsync();
        }
    }
}
