using System.Diagnostics;
using System.Text.RegularExpressions;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>Builds that run models on a device: which engine they take, in which process, and what happens when that is lost.</summary>
public sealed class Devices(Package package) : IClassFixture<Package>
{
    private const string Scored = """
            <MergedModel Include="scored" Method="task_arithmetic" Base="models/base" Aim="0.4" Calibration="calibration.txt" AimBlock="16" />
            <MergeSource Include="models/math" Into="scored" Weight="1" />
        """;

    private const string Plain = """
            <MergedModel Include="plain" Method="linear" />
            <MergeSource Include="models/code;models/math" Into="plain" Weight="1" />
        """;

    // Runs no model, but its plan names the keys of what one decided.
    private const string After = """
            <MergedModel Include="after" Method="linear" />
            <MergeSource Include="scored;models/math" Into="after" Weight="1" />
        """;

    [Fact]
    public void Models_run_in_a_process_of_their_own_and_scores_of_engines_do_not_mix()
    {
        using var device = new DevicePackage(package);
        using var consumer = Declare(device, Scored + After + """<MergeEvaluation Include="samples.jsonl" Into="scored" />""");
        var built = consumer.Build("-v:n", "-p:MergeDevice=torch-cpu").Output;
        Assert.Matches(@"scored: stand-in device in process \d+, libraries found", built);
        Assert.Contains("scored: scoring models/base: activations", built, StringComparison.Ordinal);
        Assert.Contains("after ->", built, StringComparison.Ordinal);
        Assert.Empty(consumer.Merged("--no-restore", "-p:MergeDevice=torch-cpu"));

        // The built-in engine: in MSBuild's own process, under keys of its own, and the plan says so.
        var plan = consumer.Run("app", "build", "--no-restore", "-t:PlanMerges", "-p:MergeDevice=cpu").Output;
        Assert.Matches(
            @"scored: scores for models/base \(activations\): stale because the engine \(from torch-3-cpu-fp32 to cpu-3-\d+\) changed\.",
            plan);
        var onCpu = consumer.Build("--no-restore", "-v:n", "-p:MergeDevice=cpu").Output;
        Assert.Contains("scored: scoring models/base: activations", onCpu, StringComparison.Ordinal);
        Assert.DoesNotContain("stand-in", onCpu, StringComparison.Ordinal);

        // Back: the device's scores are still there.
        var again = consumer.Build("--no-restore", "-v:m", "-p:MergeDevice=torch-cpu").Output;
        Assert.Contains("scored ->", again, StringComparison.Ordinal);
        Assert.DoesNotContain("scoring", again, StringComparison.Ordinal);

        var evaluated = consumer.Run("app", "build", "--no-restore", "-t:EvaluateMerges", "-v:m", "-p:MergeDevice=torch-cpu");
        Assert.True(evaluated.Succeeded, evaluated.Output);
        Assert.Matches(@"stand-in device in process \d+", evaluated.Output);
        Assert.Matches(@"\| samples: exact match, nll +\|[^*]*\| \*\*scored\*\* +\| +\d", evaluated.Output);
    }

    [Fact]
    public void Whole_matrices_are_computed_there_unless_that_is_switched_off()
    {
        using var device = new DevicePackage(package);
        using var consumer = new Consumer(package);
        foreach (var (seed, model) in new[] { (1, "root"), (2, "left"), (3, "right") })
            TestCheckpoint.Write(consumer["app", "models", model], [("w", RandomTensors.F32(seed, 256, 256))]);

        // The second merge uses no device, but must know under which keys the first was made.
        consumer.Project("""
                <MergedModel Include="singular" Method="tsv" Base="models/root" />
                <MergeSource Include="models/left;models/right" Into="singular" />
                <MergedModel Include="mixed" Method="linear" />
                <MergeSource Include="singular;models/left" Into="mixed" Weight="1" />
            """ + DevicePackage.Reference, device.Property + "<MergeDevice>torch-cpu</MergeDevice>");
        var built = consumer.Build("-v:m").Output;
        Assert.Matches(@"singular: stand-in matrices in process \d+", built);
        Assert.Contains("mixed ->", built, StringComparison.Ordinal);
        Assert.Empty(consumer.Merged("--no-restore"));

        var plan = consumer.Run("app", "build", "--no-restore", "-t:PlanMerges", "-p:MergeDeviceArithmetic=false").Output;
        Assert.Contains("singular: 1 of 1 tensors to merge by tsv", plan, StringComparison.Ordinal);
        Assert.Contains(
            "because the arithmetic on whole matrices changed (from torch-matrices-1-cpu to the processor's).",
            plan,
            StringComparison.Ordinal);
        var onProcessor = consumer.Build("--no-restore", "-v:m", "-p:MergeDeviceArithmetic=false").Output;
        Assert.Contains("singular ->", onProcessor, StringComparison.Ordinal);
        Assert.DoesNotContain("stand-in", onProcessor, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_process_ends_its_merge_with_one_error_of_ours_and_the_others_are_made()
    {
        using var device = new DevicePackage(package);
        using var consumer = Declare(device, Scored + Plain + """<MergeEvaluation Include="samples.jsonl" Into="plain" />""");
        device.Order("crash");
        var lost = consumer.Run("app", "build", "-v:m", "-p:MergeDevice=torch-cpu");
        Assert.False(lost.Succeeded);
        var ours = Assert.Single(
            Regex.Matches(lost.Output, @"^[^\n]*error MTK[^\n]*", RegexOptions.Multiline).Select(match => match.Value.Trim()).Distinct());
        Assert.Matches(
            @"app\.csproj\(5,\d+\): error MTK5010: Merge 'scored': the process that worked on torch-cpu \(activations of 'models/base'\) ended without a result\.", ours);
        Assert.DoesNotContain("   at ", lost.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(consumer.Output("plain", "model.safetensors")), lost.Output);
        Assert.False(Directory.Exists(consumer.Output("scored")));

        // Nothing is left of it.
        device.Order(null);
        Assert.Equal(["scored"], consumer.Merged("--no-restore", "-p:MergeDevice=torch-cpu"));

        device.Order("crash");
        var unmeasured = consumer.Run("app", "build", "--no-restore", "-t:EvaluateMerges", "-v:m", "-p:MergeDevice=torch-cpu");
        Assert.Matches(@"app\.csproj : error MTK5010: Evaluation: the process that worked on torch-cpu", unmeasured.Output);
    }

    [Fact]
    public void An_interrupt_reaches_the_process_with_the_models()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var device = new DevicePackage(package);
        using var consumer = Declare(device, Scored);
        Assert.True(consumer.Run("app", "restore").Succeeded);
        device.Order("wait");
        using var build = consumer.Start("build", "--no-restore", "-p:MergeDevice=torch-cpu");
        build.WaitFor("scored: order: wait");
        build.Interrupt();
        var watch = Stopwatch.StartNew();
        var result = build.Wait();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"It took {watch.Elapsed} to stop.");
        Assert.False(result.Succeeded);
        Assert.DoesNotContain("error", result.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(consumer["app", "obj", "merges", "Debug"], "*.running"));
    }

    [Fact]
    public void Numbers_are_written_alike_in_all_languages()
    {
        using var device = new DevicePackage(package);
        using var consumer = Declare(device, Scored);
        consumer.Variables["LC_ALL"] = consumer.Variables["LANG"] = "de_DE.UTF-8";
        Assert.Contains(
            "libraries found, half is 0.5", consumer.Build("-v:m", "-p:MergeDevice=torch-cpu").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_for_a_device_is_one_error_and_nothing_runs()
    {
        using var consumer = new Consumer(package);
        consumer.Project(Plain, "\n<MergeDevice>cuda</MergeDevice>");
        var cuda = consumer.Run("app", "build");
        Assert.Matches(
            @"app\.csproj\(3,2\): error MTK0002: MergeDevice is 'cuda:0', but the package MergeTasks\.Torch is missing", cuda.Output);
        Assert.False(Directory.Exists(consumer.Output()));
        var unknown = consumer.Run("app", "build", "--no-restore", "-p:MergeDevice=gpu");
        Assert.Matches(@"error MTK1003: MergeDevice 'gpu' is unknown\. Valid: auto, cpu, cuda, cuda:N, torch-cpu\.", unknown.Output);
        Assert.Contains("plain ->", consumer.Build("--no-restore", "-p:MergeDevice=auto").Output, StringComparison.Ordinal);
    }

    private Consumer Declare(DevicePackage device, string items)
    {
        var consumer = new Consumer(package);
        consumer.Project(items + DevicePackage.Reference, device.Property);
        File.WriteAllText(
            consumer["app", "calibration.txt"],
            "The sum of two and three is five, and the sum of five and four is nine.\n\nNo other sum is as short as that of one and "
                + "one.\n");
        File.WriteAllText(consumer["app", "samples.jsonl"], """{"prompt": "1 + 1 =", "target": " 2"}""" + "\n");
        return consumer;
    }
}
