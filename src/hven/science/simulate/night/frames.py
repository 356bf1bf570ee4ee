"""The frames of a scheduled night: pixels, header, truth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hven.science.catalogues.reference import ReferenceStars
from hven.science.simulate.exposure import Exposure, limit_of, simulate
from hven.science.simulate.field import FieldStars, field_stars, placed
from hven.science.simulate.night.conditions import Weather, band, draw_weather, sky_mag, zero_point
from hven.science.simulate.night.header import before_meridian, cards_of
from hven.science.simulate.night.schedule import Schedule, Take, flat_electrons, flat_rate
from hven.science.simulate.night.targets import Target
from hven.science.simulate.sensor import draw_sensor
from hven.science.simulate.spec import Spec
from hven.science.sky.nights import night_of
from hven.science.sky.sphere import angles, tangent_basis

_MARGIN = 1.3  # of the field whose stars are drawn once for all frames of a target, in widths of a frame
_POINTING, _DITHER = 0.03, 0.015  # scatter of a mount's error and of the steps between frames, in widths of a frame
_THINNEST = 0.3  # arcseconds: no seeing is better
_COSMIC_RAYS_S = 0.01  # per second and a sensor of 512 x 512 pixels


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a night."""

    take: Take
    exposure: Exposure
    truth: dict[str, Any]  # plain values


class NightFrames:
    """Makes the frames of a night; the same plan, reference table and numpy give the same ones.

    Parameters
    ----------
    schedule
        When each is taken.
    reference
        Needed where the plan asks for the stars of the real sky.
    """

    def __init__(self, schedule: Schedule, reference: ReferenceStars | None = None) -> None:
        plan, camera = schedule.plan, schedule.plan.camera
        self.schedule, self.plan, self.reference = schedule, plan, reference
        times = [schedule.minutes(take.middle) for take in schedule.takes if take.kind == "light"]
        self.weather: Weather = draw_weather(plan.seeing_arcsec, plan.clouds_mag, times, plan.seeds(3))
        self.sensor = draw_sensor(
            camera.width, camera.height, vignetting=camera.vignetting, dust=camera.dust, uneven=camera.uneven,
            dark_e_s=camera.dark_e_s, hot_pixels=camera.hot_pixels, seed=(plan.seed, 1),
        )  # fmt: skip
        self._fields: dict[Target, FieldStars] = {}
        self._errors: dict[Target, np.ndarray[Any, Any]] = {}

    def frame(self, index: int) -> Frame:
        """Return the frame that is taken as the n-th, from 0."""
        take = self.schedule.takes[index]
        rng = np.random.default_rng(self.plan.seeds(4, index))
        temperature_c = self.plan.camera.temperature_c + float(rng.normal(0, 0.04))
        if take.target is not None:
            return self._light(take, take.target, rng, temperature_c)
        spec = self._blank(take, rng)
        exposure = simulate(spec, stars=_no_stars(), sensor=self.sensor)
        exposure = replace(exposure, cards=cards_of(self.plan, take, temperature_c, None))
        truth = self._truth(take) | {"level_adu": spec.bias_adu + spec.sky_e / spec.gain}
        if take.kind == "dark":
            truth["level_adu"] += float(np.median(self.sensor.dark_e(take.exposure_s))) / spec.gain
        return Frame(take, exposure, truth)

    # --- calibrations ------------------------------------------------------------------------------------------

    def _blank(self, take: Take, rng: np.random.Generator) -> Spec:
        """Return the specification of a frame without stars."""
        sky_e = 0.0
        if take.kind == "flat":
            sky_e = flat_rate(self.plan, take.filter, take.sun_deg) * take.exposure_s
            if sky_e < 0.1 * flat_electrons(self.plan):  # no sky gives that little: a panel's light
                sky_e = flat_electrons(self.plan)
        return self._spec(take, rng, sky_e=sky_e, gradient=0.01)

    def _spec(self, take: Take, rng: np.random.Generator, **more: Any) -> Spec:
        """Return a specification with what all frames of the camera share."""
        camera = self.plan.camera
        rays = _COSMIC_RAYS_S * take.exposure_s * camera.width * camera.height / 512**2
        given = {
            "width": camera.width, "height": camera.height, "width_deg": camera.width_deg, "start": take.start,
            "exposure_s": take.exposure_s, "filter": take.filter, "gain": camera.gain,
            "read_noise_e": camera.read_noise_e, "bias_adu": camera.bias_adu, "hot_pixels": 0,
            "saturation_adu": camera.saturation_adu, "cosmic_rays": int(rng.poisson(rays)), "stars": self.plan.stars,
            "random_stars": self.plan.random_stars, "seed": int(rng.integers(2**62)),
        }  # fmt: skip
        return Spec(**{**given, **more})

    # --- lights ------------------------------------------------------------------------------------------------

    def _light(self, take: Take, target: Target, rng: np.random.Generator, temperature_c: float) -> Frame:
        plan = self.plan
        mount, centre = self._pointing(target, rng)
        turned = 0.0 if before_meridian(take) else 180.0
        spec, zero_point_e = self._through_air(take, rng)
        spec = replace(
            spec, ra=centre[0], dec=centre[1], orientation_deg=(plan.camera.orientation_deg + turned) % 360
        )  # fmt: skip
        stars = placed(self._field(target), spec)
        exposure = simulate(spec, stars=stars, sensor=self.sensor)
        exposure = replace(exposure, cards=cards_of(plan, take, temperature_c, mount))
        wcs = exposure.wcs
        truth = self._truth(take) | {
            "ra": wcs.centre[0],
            "dec": wcs.centre[1],
            "scale_arcsec": wcs.scale_arcsec,
            "orientation_deg": wcs.orientation_deg,
            "wcs": wcs.to_cards(),
            "altitude_deg": take.altitude_deg,
            "airmass": take.airmass,
            "moon_apart_deg": take.moon_apart_deg,
            "fwhm_px": spec.fwhm_px,
            "fwhm_arcsec": spec.fwhm_px * spec.scale_arcsec,
            "cloud_mag": self.weather.cloud(self.schedule.minutes(take.middle)),
            "sky_adu": spec.sky_e / spec.gain,
            "zero_point": zero_point_e - 2.5 * float(np.log10(spec.gain)),
            "limit_mag": spec.limit,
            "stars_over_snr_10": int(np.sum((exposure.snr > 10) & wcs.contains(stars.ra, stars.dec))),
        }
        return Frame(take, exposure, truth)

    def _through_air(self, take: Take, rng: np.random.Generator) -> tuple[Spec, float]:
        """Return the specification of a light, its place left open, and the magnitude of one electron in it."""
        camera, weather = self.plan.camera, self.weather
        minutes = self.schedule.minutes(take.middle)
        above = zero_point(take.filter, camera.aperture_mm, camera.efficiency) + 2.5 * float(np.log10(take.exposure_s))
        sky = sky_mag(
            take.filter, sun_deg=take.sun_deg, moon_deg=take.moon_deg, moon_lit=self.schedule.sky.moon_lit,
            apart_deg=take.moon_apart_deg, altitude_deg=take.altitude_deg,
        )  # fmt: skip
        seeing = max(weather.fwhm_arcsec(minutes, take.airmass), _THINNEST) / camera.scale_arcsec
        cloud = weather.cloud(minutes)
        spec = self._spec(
            take, rng,
            sky_e=min(10 ** (-0.4 * (sky - above)) * camera.scale_arcsec**2, 1e6),
            gradient=0.02 * take.airmass,
            # A cloud is patchy; what it takes of every place alike lies in the zero point.
            clouds=0.3 * (1 - 10 ** (-0.4 * cloud)),
            fwhm_px=min(float(np.hypot(camera.optics_fwhm_px, seeing)), 50.0),
        )  # fmt: skip
        zero_point_e = above - weather.extinction(take.filter, minutes, take.airmass)
        return replace(spec, limit_mag=min(max(limit_of(spec, zero_point_e, self.sensor), -5.0), 25.0)), zero_point_e

    def _field(self, target: Target) -> FieldStars:
        """Return the stars around a target: the same in all its frames, and in those of other nights of the seed."""
        if target not in self._fields:
            camera = self.plan.camera
            wide = replace(
                self._spec(self.schedule.takes[-1], np.random.default_rng(0)), ra=target.ra, dec=target.dec,
                width_deg=_MARGIN * camera.width_deg, width=round(_MARGIN * camera.width),
                height=round(_MARGIN * camera.height), limit_mag=self._deepest(),
                orientation_deg=camera.orientation_deg, random_stars=round(_MARGIN**2 * self.plan.random_stars),
            )  # fmt: skip
            self._fields[target] = field_stars(wide, self.reference, np.random.default_rng(self._word(target)))
        return self._fields[target]

    def _deepest(self) -> float:
        """Return the limit that no night of this plan exceeds by much: at the zenith, in the dark, without a cloud."""
        camera, limits = self.plan.camera, []
        for name in self.plan.filters:
            above = zero_point(name, camera.aperture_mm, camera.efficiency) + 2.5 * float(
                np.log10(self.plan.exposure_s)
            )
            seeing = 0.8 * self.plan.seeing_arcsec / camera.scale_arcsec
            spec = Spec(
                sky_e=10 ** (-0.4 * (band(name).dark_sky - above)) * camera.scale_arcsec**2,
                fwhm_px=float(np.hypot(camera.optics_fwhm_px, seeing)),
                read_noise_e=camera.read_noise_e,
            )
            limits.append(limit_of(spec, above - band(name).extinction))
        return min(max(*limits, -5.0), 25.0)

    def _pointing(self, target: Target, rng: np.random.Generator) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return where the mount believes to point, and where it does, ICRS degrees.

        Its error is one per target and night, and creeps a little; the steps between frames it knows of.
        """
        width = self.plan.camera.width_deg
        if target not in self._errors:
            drawn = np.random.default_rng(self.plan.seeds(6, *self._word(target)))
            self._errors[target] = drawn.normal(0, _POINTING * width, 2)
        dither = rng.normal(0, _DITHER * width, 2)
        error = self._errors[target] + rng.normal(0, 0.1 * _POINTING * width, 2)
        return _stepped(target, dither), _stepped(target, dither + error)

    def _word(self, target: Target) -> tuple[int, ...]:
        return (self.plan.seed, *target.name.encode())

    def _truth(self, take: Take) -> dict[str, Any]:
        plan = self.plan
        return {
            "kind": take.kind,
            "target": take.target.name if take.target else None,
            "filter": take.filter,
            "exposure_s": take.exposure_s,
            "start": take.start.isoformat(),
            "middle": take.middle.isoformat(),
            "night": night_of(take.middle, plan.place.longitude_deg).isoformat(),
            "sun_deg": take.sun_deg,
            "moon_deg": take.moon_deg,
        }


def _no_stars() -> FieldStars:
    none = np.empty(0)
    return FieldStars(none, none, none, none, none, np.empty(0, np.str_))


def _stepped(target: Target, step_deg: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the place a step (east, north) away from a target, ICRS degrees."""
    east, north, outward = tangent_basis(target.ra, target.dec)
    step = np.tan(np.radians(step_deg))
    ra, dec = angles(outward + step[0] * east + step[1] * north)
    return float(ra) % 360, float(dec)
