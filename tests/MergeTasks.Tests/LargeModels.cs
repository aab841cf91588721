using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MergeTasks.TestSupport;

namespace MergeTasks.Tests;

/// <summary>Builds of models larger than any cache: how much memory they take, what they say meanwhile, and how they stop.</summary>
public sealed class LargeModels(Package package, ITestOutputHelper output) : IClassFixture<Package>
{
    [Fact]
    public void More_than_two_gigabytes_are_merged_in_less_than_256_megabytes_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var consumer = Declare(tensors: 9, """
                <MergedModel Include="elected" Method="ties" Base="large/base" Density="0.5" />
                <MergeSource Include="large/a" Weight="1" />
            """);
        using var build = consumer.Start("build", "-t:Rebuild");
        long peak = 0;
        var result = build.Wait(process => peak = Math.Max(peak, AnonymousMemory(process.Id)));
        Assert.True(result.Succeeded, result.Output);
        Assert.True(new FileInfo(consumer.Output("elected", "model.safetensors")).Length > 2L << 30);
        var told = Regex.Matches(result.Output, @"elected: (\d+) % \(")
            .Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        Assert.Equal([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], told);

        // An MSBuild process that has nothing to do takes about 36 MB.
        output.WriteLine($"Peak RssAnon: {peak / 1e6:0} MB");
        Assert.InRange(peak, 36L << 20, 256L << 20);
    }

    [Fact]
    public void An_interrupt_ends_the_build_and_leaves_no_file_under_a_final_name()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var consumer = Declare(tensors: 16, """
                <MergedModel Include="sum" Method="linear" />
                <MergeSource Include="large/a" Weight="1" />
            """);
        using var build = consumer.Start("build", "-t:Rebuild");
        build.WaitFor("sum: 10 %");
        build.Interrupt();
        var watch = Stopwatch.StartNew();
        var result = build.Wait();
        output.WriteLine($"Stopped after {watch.Elapsed.TotalSeconds:0.00} s");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"It took {watch.Elapsed} to stop.");
        Assert.False(result.Succeeded);
        Assert.DoesNotContain("sum: 90 %", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal);
        Assert.Empty(FolderContent.Of(consumer.Output("sum")));
    }

    private Consumer Declare(int tensors, string merges)
    {
        var consumer = new Consumer(package);
        consumer.Project(merges);
        foreach (var model in new[] { "base", "a" })
            LargeCheckpoint.WriteHollow(consumer["app", "large", model], tensors);
        Assert.True(consumer.Run("app", "restore").Succeeded);
        return consumer;
    }

    // Of the process and all it has started.
    private static long AnonymousMemory(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
            var children = File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
                + children.Sum(child => AnonymousMemory(int.Parse(child, CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It has ended.
            return 0;
        }
    }
}
